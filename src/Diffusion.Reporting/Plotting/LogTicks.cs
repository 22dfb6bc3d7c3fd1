namespace Diffusion.Reporting;

/// <summary>Chooses the labeled values of a logarithmic axis.</summary>
internal static class LogTicks
{
    private const double MaxRatioOfRoundValues = 3;
    private const double MinRatioOfDecades = 500;
    private const int RoundValues = 6;
    private const double Tolerance = 1e-9;

    /// <summary>
    /// Powers of ten on a long axis; also 2 and 5 times these on a shorter one; evenly spaced round values on a short one.
    /// </summary>
    /// <param name="min">The smallest value of the axis, above 0.</param>
    /// <param name="max">The largest value, above <paramref name="min"/>.</param>
    public static IReadOnlyList<double> Between(double min, double max) =>
        max / min <= MaxRatioOfRoundValues ? EvenlySpaced(min, max)
        : max / min >= MinRatioOfDecades ? Decades(min, max, [1])
        : Decades(min, max, [1, 2, 5]);

    private static double[] Decades(double min, double max, int[] digits)
    {
        int first = (int)Math.Floor(Math.Log10(min));
        int last = (int)Math.Ceiling(Math.Log10(max));
        return
        [
            .. Enumerable.Range(first, last - first + 1).SelectMany(exponent => digits.Select(digit => digit * Math.Pow(10, exponent)))
                .Where(value => value >= min * (1 - Tolerance) && value <= max * (1 + Tolerance)),
        ];
    }

    private static double[] EvenlySpaced(double min, double max)
    {
        double rough = (max - min) / RoundValues;
        double unit = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = unit * (rough / unit <= 2 ? 2 : rough / unit <= 5 ? 5 : 10);
        long first = (long)Math.Ceiling(min / step);
        long last = (long)Math.Floor(max / step);
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step).Where(value => value > 0)];
    }
}
