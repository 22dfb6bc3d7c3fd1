using Diffusion.Training;
using ScottPlot;

namespace Diffusion.Reporting;

/// <summary>Plots the result of a learning-rate range test.</summary>
public static class LrRangePlot
{
    private const double Margin = 1.05;

    private static readonly Color MeasuredColor = new(150, 170, 200);
    private static readonly Color SmoothedColor = new(20, 70, 160);
    private static readonly Color[] RuleColors =
        [new(200, 30, 30), new(30, 130, 60), new(200, 120, 0), new(130, 60, 160), new(0, 140, 160)];

    /// <summary>
    /// Plots the loss over the learning rate, measured and smoothed, on logarithmic axes. A vertical line marks each suggestion: the solid
    /// one is <see cref="LrRange.Suggestion"/>, the dashed ones come from the other rules.
    /// </summary>
    /// <param name="range">The result of a range test.</param>
    /// <param name="path">
    /// A file name that ends in <c>.png</c> or <c>.svg</c>. The plot has 1000 x 600 pixels. A missing folder is created, and an existing
    /// file is replaced.
    /// </param>
    /// <exception cref="ArgumentException">The path has another extension.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void SavePlot(this LrRange range, string path)
    {
        ArgumentNullException.ThrowIfNull(range);
        PlotFile.Save(path, plot => Draw(range, plot));
    }

    private static void Draw(LrRange range, Plot plot)
    {
        LrRangePoint[] points = [.. range.Points.Where(point => point.Loss > 0 && point.Smoothed > 0)];
        if (points.Length < 2)
        {
            PlotStyle.ShowOnly(plot, $"No curve: {range.Ending}.");
            return;
        }

        plot.Title($"Loss by learning rate: {range.Ending}");
        plot.XLabel("learning rate");
        plot.YLabel("loss");
        double[] losses = [.. points.SelectMany(point => (double[])[point.Loss, point.Smoothed])];
        PlotStyle.SetLogarithmic(plot.Axes.Bottom, points[0].LearningRate, points[^1].LearningRate, LrRangeText.Rate);
        PlotStyle.SetLogarithmic(plot.Axes.Left, losses.Min() / Margin, losses.Max() * Margin, PlotStyle.LossText);
        PlotStyle.AddCurve(plot, points.Select(point => (Math.Log10(point.LearningRate), point.Loss)), MeasuredColor, "measured", 1.5f);
        PlotStyle.AddCurve(plot, points.Select(point => (Math.Log10(point.LearningRate), point.Smoothed)), SmoothedColor, "smoothed", 3);
        foreach ((int i, LrSuggestion suggestion) in range.Suggestions.Index())
        {
            Draw(suggestion, plot, RuleColors[i], isDefault: i == 0);
        }

        plot.ShowLegend(Edge.Right).Alignment = Alignment.UpperLeft;
    }

    private static void Draw(LrSuggestion suggestion, Plot plot, Color color, bool isDefault)
    {
        if (suggestion.LearningRate is not { } rate)
        {
            plot.Legend.ManualItems.Add(new LegendItem { LabelText = $"{Name(suggestion.Rule)}: none" });
            return;
        }

        plot.Add.VerticalLine(Math.Log10(rate), isDefault ? 3 : 1.5f, color, isDefault ? LinePattern.Solid : LinePattern.Dashed)
            .LegendText = $"{Name(suggestion.Rule)}: {LrRangeText.Rate(rate)}";
    }

    private static string Name(string rule) => rule switch
    {
        nameof(LrSuggestionRule.Confirmed) => "confirmed",
        nameof(LrSuggestionRule.TenthOfLowest) => "tenth of lowest",
        nameof(LrSuggestionRule.SteepestDescent) => "steepest descent",
        nameof(LrSuggestionRule.Valley) => "valley",
        _ => "slide",
    };
}
