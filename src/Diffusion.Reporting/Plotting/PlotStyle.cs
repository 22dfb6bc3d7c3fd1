using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;
using ScottPlot.TickGenerators;

namespace Diffusion.Reporting;

/// <summary>The style that all plots share: font, sizes, grid, legend and axes.</summary>
internal static class PlotStyle
{
    private const float TextSize = 15;
    private const float TitleSize = 18;
    private const float RightMargin = 40; // room for half of the last label on the bottom axis
    private const double LogMargin = 1.1;
    private const double MinPlain = 1e-3;
    private const double MaxPlain = 1e5;

    /// <summary>Creates an empty plot.</summary>
    public static Plot NewPlot()
    {
        Plot plot = new();
        plot.Font.Set(PlotFont.Name);
        plot.Legend.FontName = PlotFont.Name;
        plot.Legend.FontSize = TextSize;
        plot.Legend.ShadowColor = Colors.Transparent;
        plot.Axes.Right.MinimumSize = RightMargin;
        plot.Grid.MajorLineColor = Colors.Black.WithAlpha(0.1);
        foreach (LabelStyle style in (LabelStyle[])
            [plot.Axes.Bottom.Label, plot.Axes.Left.Label, plot.Axes.Bottom.TickLabelStyle, plot.Axes.Left.TickLabelStyle])
        {
            style.FontSize = TextSize;
            style.Bold = false;
        }

        plot.Axes.Title.Label.FontSize = TitleSize;
        plot.Axes.Title.Label.Bold = false;
        return plot;
    }

    /// <summary>Sets logarithmic ticks and the range of an axis. Coordinates on this axis are logarithms to base 10.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="min">The smallest value, above 0.</param>
    /// <param name="max">The largest value, above <paramref name="min"/>.</param>
    /// <param name="label">Formats a value.</param>
    public static void SetLogarithmic(IAxis axis, double min, double max, Func<double, string> label)
    {
        axis.TickGenerator = new NumericManual(
            [.. LogTicks.Between(min, max).Select(value => new Tick(Math.Log10(value), label(value)))]);
        axis.Range.Set(Math.Log10(min), Math.Log10(max));
    }

    /// <summary>Makes the left axis logarithmic, with a margin around positive values.</summary>
    public static void FitLogarithmic(Plot plot, IReadOnlyCollection<double> values) =>
        SetLogarithmic(plot.Axes.Left, values.Min() / LogMargin, values.Max() * LogMargin, LossText);

    /// <summary>Makes an axis show steps from 0.</summary>
    /// <param name="axis">The axis.</param>
    /// <param name="last">The last step.</param>
    public static void SetSteps(IAxis axis, long last)
    {
        axis.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true, LabelFormatter = StepText };
        axis.Range.Set(0, Math.Max(1, last));
    }

    /// <summary>Adds a line through losses, on a logarithmic axis.</summary>
    public static Scatter AddCurve(Plot plot, IEnumerable<(double X, double Loss)> points, Color color, string name, float width) =>
        AddLine(plot, [.. points.Select(point => new Coordinates(point.X, Math.Log10(point.Loss)))], color, name, width);

    /// <summary>Adds a line through points, in the coordinates of the axes.</summary>
    public static Scatter AddLine(Plot plot, Coordinates[] places, Color color, string name, float width)
    {
        Scatter curve = plot.Add.ScatterLine(places, color);
        curve.LineWidth = width;
        curve.LegendText = name;
        return curve;
    }

    /// <summary>Formats a loss: four decimals at most, or in exponential form if it is very small or large.</summary>
    public static string LossText(double loss) =>
        loss.ToString(loss is >= MinPlain and < MaxPlain ? "0.####" : "0.##e+0", CultureInfo.InvariantCulture);

    /// <summary>Formats a step with thousands separators.</summary>
    public static string StepText(double step) => step.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>Shows only a sentence, for a plot without data.</summary>
    public static void ShowOnly(Plot plot, string text)
    {
        plot.HideAxesAndGrid();
        Annotation annotation = plot.Add.Annotation(text, Alignment.MiddleCenter);
        annotation.LabelFontName = PlotFont.Name;
        annotation.LabelFontSize = TitleSize;
        annotation.LabelBackgroundColor = Colors.Transparent;
        annotation.LabelBorderColor = Colors.Transparent;
        annotation.LabelShadowColor = Colors.Transparent;
    }
}
