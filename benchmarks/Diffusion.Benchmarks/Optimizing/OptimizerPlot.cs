using Diffusion.Reporting;
using ScottPlot;
using PlotStyle = Diffusion.Reporting.PlotStyle;

namespace Diffusion.Benchmarks;

/// <summary>The plot of <c>optimizers</c>: the losses by time, one panel for each dataset.</summary>
internal static class OptimizerPlot
{
    private const int PanelWidth = 560;
    private const int PanelHeight = 520;
    private const double Range = 4;

    /// <summary>Writes the plot as a PNG file.</summary>
    public static void Save(string path, IReadOnlyList<(string Images, IReadOnlyList<OptimizerCurve> Curves)> panels)
    {
        Multiplot plots = new();
        plots.RemovePlot(plots.GetPlot(0));
        foreach ((string images, IReadOnlyList<OptimizerCurve> curves) in panels)
        {
            Plot plot = PlotStyle.NewPlot();
            Draw(plot, images, curves);
            plots.AddPlot(plot);
        }

        plots.Layout = new ScottPlot.MultiplotLayouts.Columns();
        plots.SavePng(path, PanelWidth * panels.Count, PanelHeight);
    }

    private static void Draw(Plot plot, string images, IReadOnlyList<OptimizerCurve> curves)
    {
        plot.Title(images);
        plot.XLabel("seconds");
        plot.YLabel("held-out loss");
        double min = curves.SelectMany(curve => curve.Points).Select(point => point.Loss).Where(double.IsFinite).Min();
        (double lowest, double highest) = (min / 1.05, min * Range);
        PlotStyle.SetLogarithmic(plot.Axes.Left, lowest, highest, PlotStyle.LossText);
        IPalette palette = new ScottPlot.Palettes.Category10();
        for (int i = 0; i < curves.Count; i++)
        {
            PlotStyle.AddCurve(
                plot, curves[i].Points.Select(point => (point.Seconds, Math.Clamp(point.Loss, lowest, highest))),
                palette.GetColor(i), curves[i].Name, 2);
        }

        plot.ShowLegend(Alignment.UpperRight);
    }
}
