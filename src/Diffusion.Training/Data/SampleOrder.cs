namespace Diffusion.Training;

/// <summary>
/// The order in which training reads its images: each epoch every image once, in an order of its own. It is a pure function of the
/// seed and the position, so that resuming at any position costs nothing, and holds nothing in memory however large the set is.
/// </summary>
public sealed class SampleOrder
{
    /// <summary>The largest set: 10^12 images.</summary>
    public const long LargestCount = 1_000_000_000_000;

    private readonly SeedStream seeds;

    /// <summary>The order over a set.</summary>
    /// <param name="seeds">The stream of the run.</param>
    /// <param name="count">How many images there are, 1 to 10^12.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is outside its range.</exception>
    public SampleOrder(SeedStream seeds, long count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, LargestCount);
        this.seeds = seeds;
        Count = count;
    }

    /// <summary>How many images an epoch has.</summary>
    public long Count { get; }

    /// <summary>The epoch of a position, counted from 0.</summary>
    /// <param name="position">A sample's place in the whole run, from 0.</param>
    public long EpochOf(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        return position / Count;
    }

    /// <summary>Which image is read at a position.</summary>
    /// <param name="position">A sample's place in the whole run, from 0 and over all epochs.</param>
    /// <returns>0 to <see cref="Count"/> - 1.</returns>
    public long IndexAt(long position)
    {
        SeedStream epoch = seeds.Child(RandomPurpose.DataOrder, EpochOf(position));
        return new KeyedPermutation(epoch, RandomPurpose.DataOrder, Count).IndexAt(position % Count);
    }
}
