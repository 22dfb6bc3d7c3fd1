namespace Diffusion.Benchmarks;

/// <summary>The ratios of pairs of measurements, each pair taken one after the other.</summary>
/// <param name="Median">The median ratio.</param>
/// <param name="Low">The lower end of the 95% interval of the median.</param>
/// <param name="High">The upper end.</param>
internal readonly record struct PairedRatios(double Median, double Low, double High)
{
    /// <summary>The median, with the interval from the order of the ratios (binomial, in its normal approximation).</summary>
    public static PairedRatios Of(IEnumerable<double> ratios)
    {
        double[] sorted = [.. ratios.Order()];
        int half = (int)Math.Ceiling(0.98 * Math.Sqrt(sorted.Length)); // 1.96 standard deviations of the number below the median
        int middle = sorted.Length / 2;
        return new PairedRatios(
            Benchmarks.Median.Of(sorted), sorted[Math.Max(0, middle - half)], sorted[Math.Min(sorted.Length - 1, middle + half)]);
    }

    public override string ToString() => FormattableString.Invariant($"{Median:F4} (95% interval {Low:F4} to {High:F4})");
}
