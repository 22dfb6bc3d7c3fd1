namespace Diffusion.Training;

/// <summary>
/// Parts a set at random into images to train on and images held out. A pure function of seed, count and fraction: the same in every
/// run and process, with nothing kept in memory. Another count gives another split.
/// </summary>
public sealed class HeldOutSplit
{
    private readonly KeyedPermutation order;

    /// <summary>Parts a set.</summary>
    /// <param name="count">How many images there are, 1 to 10^12; at least 2 when some are held out.</param>
    /// <param name="fraction">The share to hold out, 0 to below 1. Rounded to whole images, at least 1 when above 0, and at least 1 is left to train on.</param>
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
        order = new KeyedPermutation(seeds, RandomPurpose.HoldOut, count);
        HeldOutCount = fraction > 0 ? Math.Clamp((long)Math.Round(count * fraction), 1, count - 1) : 0;
        TrainingCount = count - HeldOutCount;
    }

    /// <summary>How many images are trained on.</summary>
    public long TrainingCount { get; }

    /// <summary>How many images are held out.</summary>
    public long HeldOutCount { get; }

    /// <summary>The index, in the whole set, of an image to train on.</summary>
    /// <param name="position">0 to <see cref="TrainingCount"/> - 1.</param>
    public long TrainingIndexAt(long position)
    {
        SourceGuard.Index(position, TrainingCount);
        return order.IndexAt(position);
    }

    /// <summary>The index, in the whole set, of a held-out image.</summary>
    /// <param name="position">0 to <see cref="HeldOutCount"/> - 1.</param>
    public long HeldOutIndexAt(long position)
    {
        SourceGuard.Index(position, HeldOutCount);
        return order.IndexAt(TrainingCount + position);
    }
}
