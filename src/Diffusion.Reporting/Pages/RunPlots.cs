using ScottPlot;

namespace Diffusion.Reporting;

/// <summary>The plots of a run.</summary>
internal static class RunPlots
{
    private static readonly Color Main = new(20, 70, 160);
    private static readonly Color Pale = new(150, 170, 200);

    /// <summary>The plots by the names of their files, with what they show.</summary>
    public static IReadOnlyDictionary<string, (string Title, Action<RunMetrics, Plot> Draw)> All { get; } =
        new OrderedDictionary<string, (string, Action<RunMetrics, Plot>)>(StringComparer.Ordinal)
        {
            ["loss.png"] = ("Loss", (run, plot) => LossOf(run).Draw(plot)),
            ["learning-rate.png"] = ("Learning rate", (run, plot) => Draw(plot, run, "Learning rate by step", "learning rate",
                isLogarithmic: false, (Main, "learning rate", point => point.LearningRate))),
            ["gradients.png"] = ("Gradient norm", (run, plot) => Draw(plot, run, "Gradient norm by step", "norm before clipping",
                isLogarithmic: true, (Pale, "maximum", point => point.MaxGradientNorm), (Main, "mean", point => point.MeanGradientNorm))),
            ["speed.png"] = ("Images per second", (run, plot) => Draw(plot, run, "Images per second by step", "images/s",
                isLogarithmic: false, (Main, "images/s", point => point.ImagesPerSecond))),
        };

    /// <summary>Draws a plot of a run as a PNG.</summary>
    public static byte[] Png(RunMetrics run, string name) => PlotFile.ForPage(plot => All[name].Draw(run, plot));

    /// <summary>The losses of a run.</summary>
    public static LossCurve LossOf(RunMetrics run) => new(run.Points.Select(point => new LossPoint(point.Step, point.Loss)), run.HeldOut);

    private static void Draw(Plot plot, RunMetrics run, string title, string label, bool isLogarithmic,
        params (Color Color, string Name, Func<RunPoint, double> Value)[] curves)
    {
        (Color Color, string Name, Coordinates[] Places)[] shown =
        [
            .. curves.Select(curve => (curve.Color, curve.Name, run.Points
                .Select(point => new Coordinates(point.Step, curve.Value(point)))
                .Where(place => double.IsFinite(place.Y) && (place.Y > 0 || !isLogarithmic)).ToArray())),
        ];
        double[] values = [.. shown.SelectMany(curve => curve.Places).Select(place => place.Y)];
        if (values.Length == 0)
        {
            PlotStyle.ShowOnly(plot, "Nothing was reported yet.");
            return;
        }

        plot.Title(title);
        plot.XLabel("optimizer step");
        plot.YLabel(label);
        PlotStyle.SetSteps(plot.Axes.Bottom, run.Points[^1].Step);
        if (isLogarithmic)
        {
            PlotStyle.FitLogarithmic(plot, values);
        }
        else
        {
            plot.Axes.Left.Range.Set(0, values.Max() is > 0 and var max ? max * 1.1 : 1);
        }

        foreach ((Color color, string name, Coordinates[] places) in shown)
        {
            PlotStyle.AddLine(plot, isLogarithmic ? [.. places.Select(place => new Coordinates(place.X, Math.Log10(place.Y)))] : places,
                color, curves.Length > 1 ? name : string.Empty, 2);
        }

        plot.ShowLegend(Alignment.UpperRight);
    }
}
