namespace Diffusion.Data;

/// <summary>
/// Splits a set into training images and held-out images. One image is drawn at random from each segment of equal length, so that every
/// part of the set (and every class, if the images are sorted by class) is represented in proportion. A pure function of seed, count and
/// fraction: the same in every run and process, and without memory per image. Another count gives another split; <see cref="ExtendTo"/>
/// keeps the split when images are added.
/// </summary>
public sealed class HeldOutSplit
{
    private readonly SeedStream seeds;
    private readonly long count; // without the images that were appended later

    /// <summary>Creates a split.</summary>
    /// <param name="count">The number of images, 1 to 10^12; at least 2 if any are held out.</param>
    /// <param name="fraction">
    /// The fraction to hold out, in [0, 1). Rounded to whole images; above 0, at least one image is held out and one is left for training.
    /// </param>
    /// <param name="seeds">The seed stream of the run.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count or the fraction is out of range.</exception>
    public HeldOutSplit(long count, double fraction, SeedStream seeds)
    {
        if (fraction is not (>= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(fraction), fraction, $"The held-out fraction is {fraction}, but must be in [0, 1). For 5 % use 0.05.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(count, fraction > 0 ? 2 : 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, SampleOrder.MaxCount);
        this.seeds = seeds;
        this.count = count;
        HeldOutCount = fraction > 0 ? Math.Clamp((long)Math.Round(count * fraction), 1, count - 1) : 0;
        TrainingCount = count - HeldOutCount;
    }

    private HeldOutSplit(HeldOutSplit first, long grown)
    {
        seeds = first.seeds;
        count = first.count;
        HeldOutCount = first.HeldOutCount;
        TrainingCount = grown - first.HeldOutCount;
    }

    /// <summary>The number of training images.</summary>
    public long TrainingCount { get; }

    /// <summary>The number of held-out images.</summary>
    public long HeldOutCount { get; }

    /// <summary>
    /// The same split after images were appended to the set: the same images are held out, and all new images are for training.
    /// </summary>
    /// <param name="grown">The new number of images: at least the old number, at most 10^12.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is out of range.</exception>
    public HeldOutSplit ExtendTo(long grown)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(grown, TrainingCount + HeldOutCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(grown, SampleOrder.MaxCount);
        return new HeldOutSplit(this, grown);
    }

    /// <summary>The index of a training image in the whole set, in the order of the set.</summary>
    /// <param name="position">0 to <see cref="TrainingCount"/> - 1.</param>
    public long TrainingIndexAt(long position)
    {
        SourceGuard.Index(position, TrainingCount);
        long training = count - HeldOutCount;
        if (HeldOutCount == 0 || position >= training)
        {
            return position + HeldOutCount;
        }

        // Segment s begins at index StartOf(s); s images before it are held out.
        long segment = (long)((Int128)position * HeldOutCount / training);
        while (StartOf(segment) - segment > position)
        {
            segment--;
        }

        while (StartOf(segment + 1) - (segment + 1) <= position)
        {
            segment++;
        }

        long index = position + segment;
        return index < HeldOutOf(segment) ? index : index + 1;
    }

    /// <summary>The index of a held-out image in the whole set, in random order.</summary>
    /// <param name="position">0 to <see cref="HeldOutCount"/> - 1.</param>
    public long HeldOutIndexAt(long position)
    {
        SourceGuard.Index(position, HeldOutCount);
        return HeldOutOf(new KeyedPermutation(seeds.Child(RandomPurpose.HoldOut, -1), RandomPurpose.HoldOut, HeldOutCount)
            .IndexAt(position));
    }

    /// <summary>The number of training images before an index.</summary>
    /// <param name="index">0 to the number of images.</param>
    internal long TrainingCountBefore(long index)
    {
        if (HeldOutCount == 0 || index >= count)
        {
            return index - HeldOutCount;
        }

        long segment = (long)((((Int128)index + 1) * HeldOutCount - 1) / count);
        return index - segment - (HeldOutOf(segment) < index ? 1 : 0);
    }

    private long StartOf(long segment) => (long)((Int128)segment * count / HeldOutCount);

    private long HeldOutOf(long segment)
    {
        long start = StartOf(segment);
        return start + (long)(seeds.Uniform(RandomPurpose.HoldOut, segment) * (StartOf(segment + 1) - start));
    }
}
