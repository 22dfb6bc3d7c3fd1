namespace Diffusion.Data;

/// <summary>
/// Shuffles a whole set anew each epoch, every image once. A pure function of the seed and the position that holds nothing in memory
/// however large the set is.
/// </summary>
internal sealed class SampleOrder : ISampleOrder
{
    /// <summary>The largest set: 10^12 images.</summary>
    public const long MaxCount = 1_000_000_000_000;

    private readonly SeedStream seeds;
    private readonly long count;

    /// <summary>The order over a set.</summary>
    /// <param name="seeds">The stream of the run.</param>
    /// <param name="count">How many images there are, 1 to 10^12.</param>
    /// <param name="multiple">
    /// An epoch ends at the last multiple of this, and leaves out the few images that its shuffle has put behind it: give the batch size
    /// for epochs of whole batches. Default 1, so that nothing is left out and a batch may begin in one epoch and end in the next.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The count is outside its range, or below the multiple.</exception>
    public SampleOrder(SeedStream seeds, long count, long multiple = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxCount);
        EpochLength = EpochLengthOf(count, multiple);
        this.seeds = seeds;
        this.count = count;
    }

    /// <inheritdoc/>
    public long EpochLength { get; }

    /// <inheritdoc/>
    public long IndexAt(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        (long epoch, long place) = Math.DivRem(position, EpochLength);
        return new KeyedPermutation(seeds.Child(RandomPurpose.DataOrder, epoch), RandomPurpose.DataOrder, count).IndexAt(place);
    }

    internal static long EpochLengthOf(long count, long multiple)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(multiple, 1);
        return count >= multiple
            ? count / multiple * multiple
            : throw new ArgumentOutOfRangeException(
                nameof(multiple), multiple,
                    $"An epoch of whole batches of {multiple} images needs as many, but there are {count}. Use a smaller batch, or keep "
                        + $"the last images.");
    }
}
