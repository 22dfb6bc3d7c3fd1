namespace Diffusion.Data;

/// <summary>
/// A random permutation of 0..count-1 that is computed instead of stored: a Feistel network over a grid of about count cells, applied again
/// until the result is in range (cycle walking; Black and Rogaway 2002, "Ciphers with Arbitrary Finite Domains").
/// </summary>
internal readonly struct KeyedPermutation
{
    private const int Rounds = 6;

    private readonly SeedStream keys;
    private readonly RandomPurpose purpose;
    private readonly long count;
    private readonly long rows;
    private readonly long columns;

    /// <param name="keys">The keys; each stream gives another permutation.</param>
    /// <param name="purpose">The purpose of the random numbers.</param>
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

    /// <summary>The index at a position; every index has exactly one position.</summary>
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
