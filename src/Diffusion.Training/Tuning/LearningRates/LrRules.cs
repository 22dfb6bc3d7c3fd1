namespace Diffusion.Training;

/// <summary>Places on a curve that falls, each by one rule.</summary>
internal static class LrRules
{
    private const double BegunShare = 0.01;
    private const int SlideDistance = 15;
    private const double SlideThreshold = 0.005;

    /// <summary>Where the loss falls most steeply over the logarithm of the rate, up to its lowest point.</summary>
    public static int SteepestDescent(LrCurve curve) => Enumerable.Range(0, curve.Lowest + 1).MinBy(at => Slope(curve.Smoothed, at));

    /// <summary>
    /// The middle of the longest sequence of falling losses, neighbors or not, from where the loss has fallen by a hundredth of its fall.
    /// </summary>
    public static int Valley(LrCurve curve)
    {
        IReadOnlyList<double> losses = curve.Smoothed;
        double begun = losses[0] - (BegunShare * (losses[0] - losses[curve.Lowest]));
        int first = 0;
        while (losses[first] > begun)
        {
            first++;
        }

        int[] lengths = new int[curve.Count];
        int[] starts = new int[curve.Count];
        for (int i = first; i < curve.Count; i++)
        {
            (lengths[i], starts[i]) = (1, i);
            for (int before = first; before < i; before++)
            {
                if (losses[before] > losses[i] && lengths[before] >= lengths[i])
                {
                    (lengths[i], starts[i]) = (lengths[before] + 1, starts[before]);
                }
            }
        }

        int end = Array.IndexOf(lengths, lengths.Max());
        return starts[end] + ((end - starts[end]) / 2);
    }

    /// <summary>
    /// Where two places, 15 rates apart, stop that slide down from the end until their slopes are alike; null where they are alike at the
    /// end.
    /// </summary>
    public static int? Slide(LrCurve curve)
    {
        int? found = null;
        for (int high = curve.Smoothed.Count - 1; high >= SlideDistance && SlopesDiffer(high); high--)
        {
            found = high - SlideDistance;
        }

        return found;

        bool SlopesDiffer(int high) =>
            Math.Abs(Slope(curve.Smoothed, high) - Slope(curve.Smoothed, high - SlideDistance)) > SlideThreshold * curve.Smoothed[0];
    }

    // The change per rate; as rates are equally far apart on a logarithmic axis, also the slope there.
    private static double Slope(IReadOnlyList<double> losses, int at)
    {
        int before = Math.Max(0, at - 1);
        int after = Math.Min(losses.Count - 1, at + 1);
        return (losses[after] - losses[before]) / (after - before);
    }
}
