namespace Diffusion.Training;

/// <summary>The curve of a sweep, and where it turns.</summary>
internal sealed class LrCurve
{
    /// <summary>With fewer rates nothing is read from a curve.</summary>
    public const int MinPoints = 10;

    private const double MinChange = 0.01;
    private const double RiseShare = 0.25; // of the fall before it
    private const double LeastFallShare = 0.1; // of the whole fall
    private const double NoiseFactor = 3;
    private const double DeviationOfMedian = 1.4826; // the standard deviation of normal noise whose median size is 1

    /// <param name="losses">The losses of the sweep, in its order; finite ones.</param>
    /// <param name="range">What was tried.</param>
    /// <param name="endedInHarm">Whether the rate after the last one gave numbers that are not finite.</param>
    public LrCurve(IReadOnlyList<double> losses, LrRangeOptions range, bool endedInHarm)
    {
        Rates = [.. Enumerable.Range(0, losses.Count).Select(range.RateAt)];
        Smoothed = LrSmoothing.Smooth(losses, Math.Log10(range.Last / range.Lowest) / (range.Steps - 1));
        if (losses.Count == 0)
        {
            return;
        }

        // Changes are ratios, as logarithms.
        double[] residuals = [.. losses.Zip(Smoothed, Change).Select(Math.Abs).Order()];
        double certain = Math.Max(MinChange, NoiseFactor * DeviationOfMedian * residuals[residuals.Length / 2]);
        double wholeFall = Change(Smoothed[0], Smoothed.Min());
        Count = losses.Count;
        for (int i = 1; i < losses.Count && !Rises; i++)
        {
            // A rise from where nearly all of the fall is yet to come is a wiggle.
            Lowest = Smoothed[i] < Smoothed[Lowest] ? i : Lowest;
            double fall = Change(Smoothed[0], Smoothed[Lowest]);
            if (fall >= LeastFallShare * wholeFall && Change(Smoothed[i], Smoothed[Lowest]) > Math.Max(certain, RiseShare * fall))
            {
                Rises = true;
                Count = i + 1;
            }
        }

        Rises |= endedInHarm;
        Falls = Change(Smoothed[0], Smoothed[Lowest]) > certain;
    }

    /// <summary>The learning rate of each point.</summary>
    public IReadOnlyList<double> Rates { get; }

    /// <summary>The smoothed loss of each point.</summary>
    public IReadOnlyList<double> Smoothed { get; }

    /// <summary>The points up to the one where the loss is seen to rise; all of them where it never does.</summary>
    public int Count { get; }

    /// <summary>Where the loss is lowest before it rises.</summary>
    public int Lowest { get; }

    /// <summary>Whether the loss falls at all: by more than one in a hundred, and three times its noise.</summary>
    public bool Falls { get; }

    /// <summary>
    /// Whether the loss rises from its lowest point: by as large a ratio as a quarter of its fall, on a logarithmic scale, by more than one
    /// in a hundred and three times its noise, after at least a tenth of the whole fall; or the sweep ended in numbers that are not finite.
    /// </summary>
    public bool Rises { get; }

    private static double Change(double loss, double from) => Math.Log(Math.Max(loss, LrSmoothing.LeastLoss) / from);
}
