namespace Diffusion.Benchmarks;

/// <summary>The median of measurements.</summary>
internal static class Median
{
    /// <summary>The value in the middle, or the mean of the two in the middle.</summary>
    /// <param name="values">At least one value.</param>
    public static double Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
