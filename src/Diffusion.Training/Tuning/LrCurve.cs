namespace Diffusion.Training;

/// <summary>The curve of a sweep, and where it turns.</summary>
internal sealed class LrCurve
{
    /// <summary>With fewer rates nothing is read from a curve.</summary>
    public const int FewestPoints = 10;

    private const double SmallestChange = 0.01; // of the first loss
    private const double RiseShare = 0.25; // of the fall before it
    private const double NoiseFactor = 3;
    private const double DeviationOfMedian = 1.4826; // the standard deviation of normal noise whose median size is 1

    /// <param name="losses">The losses of the sweep, in its order; finite ones.</param>
    /// <param name="range">What was tried.</param>
    /// <param name="endedInHarm">Whether the rate after the last one gave numbers that are not finite.</param>
    public LrCurve(IReadOnlyList<double> losses, LrRangeOptions range, bool endedInHarm)
    {
        Rates = [.. Enumerable.Range(0, losses.Count).Select(range.RateAt)];
        Smoothed = LrSmoothing.Smooth(losses, Math.Log10(range.Highest / range.Lowest) / (range.Steps - 1));
        if (losses.Count == 0)
        {
            return;
        }

        double[] residuals = [.. losses.Zip(Smoothed, (loss, smooth) => Math.Abs(loss - smooth)).Order()];
        double certain = Math.Max(SmallestChange * Smoothed[0], NoiseFactor * DeviationOfMedian * residuals[residuals.Length / 2]);
        Count = losses.Count;
        for (int i = 1; i < losses.Count; i++)
        {
            if (Smoothed[i] < Smoothed[Lowest])
            {
                Lowest = i;
            }
            else if (Smoothed[i] - Smoothed[Lowest] > Math.Max(certain, RiseShare * (Smoothed[0] - Smoothed[Lowest])))
            {
                Rises = true;
                Count = i + 1;
                break;
            }
        }

        Rises |= endedInHarm;
        Falls = Smoothed[0] - Smoothed[Lowest] > certain;
    }

    /// <summary>The learning rate of each point.</summary>
    public IReadOnlyList<double> Rates { get; }

    /// <summary>The smoothed loss of each point.</summary>
    public IReadOnlyList<double> Smoothed { get; }

    /// <summary>The points up to the one where the loss is seen to rise; all of them where it never does.</summary>
    public int Count { get; }

    /// <summary>Where the loss is lowest before it rises.</summary>
    public int Lowest { get; }

    /// <summary>Whether the loss falls by more than a hundredth of the first loss and three times its noise.</summary>
    public bool Falls { get; }

    /// <summary>
    /// Whether the loss rises from its lowest point by more than a quarter of its fall, a hundredth of the first loss, and three times its noise;
    /// or the sweep ended in numbers that are not finite.
    /// </summary>
    public bool Rises { get; }
}
