using ScottPlot;
using ScottPlot.Palettes;

namespace Diffusion.Reporting;

/// <summary>The losses of several runs in one plot.</summary>
internal static class LossComparison
{
    private const int MaxName = 32;

    /// <summary>Draws the smoothed losses.</summary>
    /// <param name="runs">The runs by name.</param>
    /// <returns>A PNG file.</returns>
    public static byte[] Png(IReadOnlyList<(string Name, LossCurve Losses)> runs) => PlotFile.ForPage(plot =>
    {
        LossPoint[] all = [.. runs.SelectMany(run => run.Losses.Smoothed)];
        if (all.Length == 0)
        {
            PlotStyle.ShowOnly(plot, "No loss was reported yet.");
            return;
        }

        plot.Title("Training loss, smoothed");
        plot.XLabel("optimizer step");
        plot.YLabel("loss");
        PlotStyle.FitLogarithmic(plot, [.. all.Select(point => point.Loss)]);
        PlotStyle.SetSteps(plot.Axes.Bottom, all.Max(point => point.Step));
        Category10 colors = new();
        foreach ((int i, (string name, LossCurve losses)) in runs.Index())
        {
            string shown = name.Length <= MaxName ? name : $"{name[..(MaxName - 3)]}...";
            PlotStyle.AddCurve(plot, losses.Smoothed.Select(point => ((double)point.Step, point.Loss)), colors.GetColor(i), shown, 2);
        }

        plot.ShowLegend(Alignment.UpperRight);
    });
}
