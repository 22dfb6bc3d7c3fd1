namespace Diffusion.Data;

/// <summary>
/// Parts a set into images to train on and images held out: one, drawn at random, of each stretch of count / held-out images, so that every
/// region of the set (and every class, where images lie by class) is measured in proportion. A pure function of seed, count and fraction:
/// the same in every run and process, with nothing kept in memory. Another count gives another split; <see cref="ExtendTo"/> keeps one.
/// </summary>
public sealed class HeldOutSplit
{
    private readonly SeedStream seeds;
    private readonly long count; // of the images that are parted; those beyond it came later

    /// <summary>Parts a set.</summary>
    /// <param name="count">How many images there are, 1 to 10^12; at least 2 when some are held out.</param>
    /// <param name="fraction">
    /// The share to hold out, 0 to below 1. Rounded to whole images, at least 1 when above 0, and at least 1 is left to train on.
    /// </param>
    /// <param name="seeds">The stream of the run.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count or the fraction is outside its range.</exception>
    public HeldOutSplit(long count, double fraction, SeedStream seeds)
    {
        if (fraction is not (>= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(fraction), fraction, $"The held-out fraction is {fraction}, but must lie in [0, 1). For 5 in a hundred give 0.05.");
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

    /// <summary>How many images are trained on.</summary>
    public long TrainingCount { get; }

    /// <summary>How many images are held out.</summary>
    public long HeldOutCount { get; }

    /// <summary>This split after images were added behind the others: the same are held out, and all that came are trained on.</summary>
    /// <param name="grown">How many images there are now: at least as many as before, at most 10^12.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is outside its range.</exception>
    public HeldOutSplit ExtendTo(long grown)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(grown, TrainingCount + HeldOutCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(grown, SampleOrder.MaxCount);
        return new HeldOutSplit(this, grown);
    }

    /// <summary>The index, in the whole set, of an image to train on; they come in the order of the set.</summary>
    /// <param name="position">0 to <see cref="TrainingCount"/> - 1.</param>
    public long TrainingIndexAt(long position)
    {
        SourceGuard.Index(position, TrainingCount);
        long parted = count - HeldOutCount;
        if (HeldOutCount == 0 || position >= parted)
        {
            return position + HeldOutCount;
        }

        // A stretch s begins at index StartOf(s), of which s are held out before it.
        long stretch = (long)((Int128)position * HeldOutCount / parted);
        while (StartOf(stretch) - stretch > position)
        {
            stretch--;
        }

        while (StartOf(stretch + 1) - (stretch + 1) <= position)
        {
            stretch++;
        }

        long index = position + stretch;
        return index < HeldOutOf(stretch) ? index : index + 1;
    }

    /// <summary>The index, in the whole set, of a held-out image; they come in random order.</summary>
    /// <param name="position">0 to <see cref="HeldOutCount"/> - 1.</param>
    public long HeldOutIndexAt(long position)
    {
        SourceGuard.Index(position, HeldOutCount);
        return HeldOutOf(new KeyedPermutation(seeds.Child(RandomPurpose.HoldOut, -1), RandomPurpose.HoldOut, HeldOutCount)
            .IndexAt(position));
    }

    /// <summary>How many of the images before an index are trained on.</summary>
    /// <param name="index">0 to the number of images.</param>
    internal long TrainingCountBefore(long index)
    {
        if (HeldOutCount == 0 || index >= count)
        {
            return index - HeldOutCount;
        }

        long stretch = (long)((((Int128)index + 1) * HeldOutCount - 1) / count);
        return index - stretch - (HeldOutOf(stretch) < index ? 1 : 0);
    }

    private long StartOf(long stretch) => (long)((Int128)stretch * count / HeldOutCount);

    private long HeldOutOf(long stretch)
    {
        long start = StartOf(stretch);
        return start + (long)(seeds.Uniform(RandomPurpose.HoldOut, stretch) * (StartOf(stretch + 1) - start));
    }
}
