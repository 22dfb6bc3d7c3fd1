namespace Diffusion.Training;

/// <summary>A logarithmic axis: which pixel shows a value, and which values are labelled.</summary>
/// <param name="Least">The value at its beginning, above 0.</param>
/// <param name="Max">The value at its end, above the least.</param>
/// <param name="From">The pixel of the least.</param>
/// <param name="To">The pixel of the most.</param>
internal sealed record PlotAxis(double Least, double Max, double From, double To)
{
    private const double MaxForRoundValues = 3; // of the greatest to the least value
    private const double LeastForDecades = 500;
    private const int Ticks = 6;
    private const double Rounding = 1e-9;

    /// <summary>The pixel of a value.</summary>
    public double Of(double value) => From + ((To - From) * Math.Log(value / Least) / Math.Log(Max / Least));

    /// <summary>Whole decades; or ones, twos and fives of them; or round values; so that there are a few in any case.</summary>
    public IReadOnlyList<double> Labelled =>
        Max / Least <= MaxForRoundValues ? RoundValues() : Max / Least >= LeastForDecades ? Decades(1) : Decades(1, 2, 5);

    private double[] Decades(params int[] digits)
    {
        int first = (int)Math.Floor(Math.Log10(Least));
        int last = (int)Math.Ceiling(Math.Log10(Max));
        return
        [
            .. Enumerable.Range(first, last - first + 1).SelectMany(exponent => digits.Select(digit => digit * Math.Pow(10, exponent)))
                .Where(value => value >= Least * (1 - Rounding) && value <= Max * (1 + Rounding)),
        ];
    }

    private double[] RoundValues()
    {
        double rough = (Max - Least) / Ticks;
        double unit = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = unit * (rough / unit <= 2 ? 2 : rough / unit <= 5 ? 5 : 10);
        long first = (long)Math.Ceiling(Least / step);
        long last = (long)Math.Floor(Max / step);
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step).Where(value => value > 0)];
    }
}
