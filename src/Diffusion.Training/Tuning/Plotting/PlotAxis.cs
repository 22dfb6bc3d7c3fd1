namespace Diffusion.Training;

/// <summary>A logarithmic axis: which pixel shows a value, and which values are labelled.</summary>
/// <param name="Least">The value at its beginning, above 0.</param>
/// <param name="Most">The value at its end, above the least.</param>
/// <param name="From">The pixel of the least.</param>
/// <param name="To">The pixel of the most.</param>
internal sealed record PlotAxis(double Least, double Most, double From, double To)
{
    private const double FewestDecades = 1.5;
    private const int Ticks = 6;

    /// <summary>The pixel of a value.</summary>
    public double Of(double value) => From + ((To - From) * Math.Log(value / Least) / Math.Log(Most / Least));

    /// <summary>Whole decades, or round values where the axis spans few of them.</summary>
    public IReadOnlyList<double> Labelled => Math.Log10(Most / Least) >= FewestDecades ? Decades() : RoundValues();

    private double[] Decades()
    {
        int first = (int)Math.Ceiling(Math.Log10(Least) - 1e-9);
        int last = (int)Math.Floor(Math.Log10(Most) + 1e-9);
        return [.. Enumerable.Range(first, last - first + 1).Select(exponent => Math.Pow(10, exponent))];
    }

    private double[] RoundValues()
    {
        double rough = (Most - Least) / Ticks;
        double unit = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = unit * (rough / unit <= 2 ? 2 : rough / unit <= 5 ? 5 : 10);
        long first = (long)Math.Ceiling(Least / step);
        long last = (long)Math.Floor(Most / step);
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step).Where(value => value > 0)];
    }
}
