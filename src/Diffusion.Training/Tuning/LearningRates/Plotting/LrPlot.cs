using System.Globalization;

namespace Diffusion.Training;

/// <summary>Draws a sweep of the learning rate: the losses, the smoothed curve, and what each rule suggests.</summary>
internal static class LrPlot
{
    /// <summary>In pixels.</summary>
    public const int Width = 1000;

    /// <summary>In pixels.</summary>
    public const int Height = 560;

    private const double Left = 90;
    private const double Right = 690;
    private const double Top = 60;
    private const double Bottom = 490;
    private const double Legend = 720;
    private const double LegendLine = 26;
    private const double Margin = 1.05;
    private const double MaxPlain = 1e5;

    private static readonly RgbColor Grid = new(225, 225, 225);
    private static readonly RgbColor Measured = new(150, 170, 200);
    private static readonly RgbColor Smoothed = new(20, 70, 160);
    private static readonly RgbColor[] Rules = [new(200, 30, 30), new(30, 130, 60), new(200, 120, 0), new(130, 60, 160)];

    /// <summary>Draws it all.</summary>
    public static void Draw(LrRange range, IPlotCanvas canvas)
    {
        canvas.Text("loss by learning rate", new PlotPoint(Left, Top - 24), PlotAnchor.Start, RgbColor.Black);
        canvas.Text(LrRangeText.Ending(range), new PlotPoint(Left, Height - 12), PlotAnchor.Start, RgbColor.Black);
        if (range.Points.Count < 2)
        {
            canvas.Text("no curve", new PlotPoint((Left + Right) / 2, (Top + Bottom) / 2), PlotAnchor.Middle, RgbColor.Black);
            return;
        }

        double[] shown = [.. range.Points.SelectMany(point => (double[])[point.Loss, point.Smoothed]).Where(loss => loss > 0)];
        PlotAxis rates = new(range.Points[0].LearningRate, range.Points[^1].LearningRate, Left, Right);
        PlotAxis losses = new(shown.Min() / Margin, shown.Max() * Margin, Bottom, Top);
        DrawAxes(rates, losses, canvas);
        Curve(point => point.Loss, Measured, 1.5);
        Curve(point => point.Smoothed, Smoothed, 3);
        DrawSuggestions(range, rates, canvas);

        void Curve(Func<LrRangePoint, double> value, RgbColor color, double width) => canvas.Line(
            [.. range.Points.Where(point => value(point) > 0)
                .Select(point => new PlotPoint(rates.Of(point.LearningRate), losses.Of(value(point))))], color, width);
    }

    private static void DrawAxes(PlotAxis rates, PlotAxis losses, IPlotCanvas canvas)
    {
        foreach (double rate in rates.Labelled)
        {
            canvas.Line([new PlotPoint(rates.Of(rate), Top), new PlotPoint(rates.Of(rate), Bottom)], Grid, 1);
            canvas.Text(LrRangeText.Rate(rate), new PlotPoint(rates.Of(rate), Bottom + 24), PlotAnchor.Middle, RgbColor.Black);
        }

        foreach (double loss in losses.Labelled)
        {
            canvas.Line([new PlotPoint(Left, losses.Of(loss)), new PlotPoint(Right, losses.Of(loss))], Grid, 1);
            canvas.Text(loss.ToString(loss < MaxPlain ? "0.####" : "0e+0", CultureInfo.InvariantCulture),
                new PlotPoint(Left - 10, losses.Of(loss) + 7), PlotAnchor.End, RgbColor.Black);
        }

        canvas.Line([new PlotPoint(Left, Top), new PlotPoint(Left, Bottom), new PlotPoint(Right, Bottom)], RgbColor.Black, 1.5);
    }

    private static void DrawSuggestions(LrRange range, PlotAxis rates, IPlotCanvas canvas)
    {
        (string Text, RgbColor Color)[] legend =
        [
            ("measured", Measured),
            ("smoothed", Smoothed),
            .. range.Suggestions.Select((suggestion, i) => ($"{Name(suggestion.Rule)}{Found(suggestion)}", Rules[i])),
        ];
        foreach ((int line, (string text, RgbColor color)) in legend.Index())
        {
            canvas.Text(text, new PlotPoint(Legend, Top + 14 + (line * LegendLine)), PlotAnchor.Start, color);
        }

        foreach ((int i, LrSuggestion suggestion) in range.Suggestions.Index())
        {
            if (suggestion.LearningRate is { } rate && rate >= rates.Least && rate <= rates.Max)
            {
                canvas.Line([new PlotPoint(rates.Of(rate), Top), new PlotPoint(rates.Of(rate), Bottom)], Rules[i], i == 0 ? 3 : 1.5);
            }
        }
    }

    private static string Found(LrSuggestion suggestion) => suggestion.LearningRate is { } rate ? $" {LrRangeText.Rate(rate)}" : ": none";

    private static string Name(LrSuggestionRule rule) => rule switch
    {
        LrSuggestionRule.TenthOfLowest => "tenth of lowest",
        LrSuggestionRule.SteepestDescent => "steepest",
        LrSuggestionRule.Valley => "valley",
        _ => "slide",
    };
}
