namespace Diffusion.Data;

/// <summary>
/// Shuffles the whole set in each epoch; every image comes once. A pure function of the seed and the position, without memory per image.
/// </summary>
internal sealed class SampleOrder : ISampleOrder
{
    /// <summary>The maximum number of images: 10^12.</summary>
    public const long MaxCount = 1_000_000_000_000;

    private readonly SeedStream seeds;
    private readonly long count;

    /// <summary>Creates the order.</summary>
    /// <param name="seeds">The seed stream of the run.</param>
    /// <param name="count">The number of images, 1 to 10^12.</param>
    /// <param name="multiple">
    /// The length of an epoch is a multiple of this; the last few images of the shuffled epoch are dropped. Use the batch size for epochs
    /// of full batches. Default 1: no image is dropped, and a batch may span two epochs.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The count is out of range, or below the multiple.</exception>
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
                $"An epoch of full batches needs at least {multiple} images, but there are {count}. "
                + "Use a smaller batch, or set DropLast to false.");
    }
}
