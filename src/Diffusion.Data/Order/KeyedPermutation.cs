namespace Diffusion.Data;

/// <summary>
/// A random order of 0..count-1 that is computed, not stored: a Feistel network over a grid of about count cells, walking on where
/// it leaves the range (Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains").
/// </summary>
internal readonly struct KeyedPermutation
{
    private const int Rounds = 6;

    private readonly SeedStream keys;
    private readonly RandomPurpose purpose;
    private readonly long count;
    private readonly long rows;
    private readonly long columns;

    /// <param name="keys">Another stream, another order.</param>
    /// <param name="purpose">What the order is for.</param>
    /// <param name="count">1 to 10^12.</param>
    public KeyedPermutation(SeedStream keys, RandomPurpose purpose, long count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, SampleOrder.MaxCount);
        this.keys = keys;
        this.purpose = purpose;
        this.count = count;
        rows = (long)Math.Ceiling(Math.Sqrt(count));
        columns = (count + rows - 1) / rows;
    }

    /// <summary>Where a position lands; every index is the image of exactly one position.</summary>
    public long IndexAt(long position)
    {
        long index = position;
        do
        {
            index = Shuffle(index);
        }
        while (index >= count);
        return index;
    }

    private long Shuffle(long cell)
    {
        (long row, long column) = Math.DivRem(cell, columns);
        for (int round = 0; round < Rounds; round += 2)
        {
            row = (row + Draw(column, round, rows)) % rows;
            column = (column + Draw(row, round + 1, columns)) % columns;
        }

        return (row * columns) + column;
    }

    private long Draw(long half, int round, long range) => (long)((ulong)keys.Derive(purpose, (half * Rounds) + round) % (ulong)range);
}
