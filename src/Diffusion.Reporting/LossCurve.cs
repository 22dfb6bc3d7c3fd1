using Diffusion.Training;
using ScottPlot;

namespace Diffusion.Reporting;

/// <summary>
/// The losses of a run over its steps. Losses that are 0 or less, infinite or not a number have no place on a logarithmic axis: they are left
/// out.
/// </summary>
public sealed class LossCurve
{
    private const int PointsPerNeighbour = 10;
    private const int MaxNeighbours = 250; // so that smoothing a long run takes no minutes
    private const double Margin = 1.1;
    private const float MarkerSize = 8;

    private static readonly Color TrainingColor = new(150, 170, 200);
    private static readonly Color SmoothedColor = new(20, 70, 160);
    private static readonly Color HeldOutColor = new(200, 30, 30);

    private LossCurve(IReadOnlyList<TrainingProgress> reports)
    {
        Training = [.. reports.Select(report => new LossPoint(report.Step, report.Loss)).Where(IsShown)];
        HeldOut =
        [
            .. reports.Where(report => report.HeldOutLoss is not null)
                .Select(report => new LossPoint(report.HeldOutLossStep ?? report.Step, report.HeldOutLoss!.Value)).Where(IsShown),
        ];
        int neighbours = Math.Min(MaxNeighbours, Training.Count / PointsPerNeighbour);
        double[] smoothed = LrSmoothing.Smooth([.. Training.Select(point => point.Loss)], neighbours);
        Smoothed = [.. Training.Zip(smoothed, (point, loss) => point with { Loss = loss })];
    }

    /// <summary>The training loss of each report: the mean over the steps since the report before it.</summary>
    public IReadOnlyList<LossPoint> Training { get; }

    /// <summary>
    /// <see cref="Training"/>, smoothed by a local linear fit (Cleveland 1979) of its logarithm over a tenth of the points, at most 250, on
    /// either side.
    /// </summary>
    public IReadOnlyList<LossPoint> Smoothed { get; }

    /// <summary>The loss of the held-out images at the steps at which it was measured; empty if the run holds none out.</summary>
    public IReadOnlyList<LossPoint> HeldOut { get; }

    /// <summary>Reads the metrics that a trainer with checkpoints writes into its run folder, also while it trains.</summary>
    /// <param name="runFolder">The folder that was given to <see cref="TrainerBuilder.UseCheckpoints"/>.</param>
    /// <exception cref="FileNotFoundException">The folder has no metrics yet, or is not the folder of a run.</exception>
    /// <exception cref="IOException">The metrics cannot be read.</exception>
    public static LossCurve FromRun(string runFolder) => new(MetricsFile.Read(runFolder));

    /// <summary>Takes the losses of reports, for example those that <see cref="TrainerBuilder.ReportTo(IProgress{TrainingProgress})"/> gave.</summary>
    /// <param name="reports">The reports of one run, by rising step.</param>
    public static LossCurve FromReports(IEnumerable<TrainingProgress> reports)
    {
        ArgumentNullException.ThrowIfNull(reports);
        return new LossCurve([.. reports]);
    }

    /// <summary>
    /// Draws the losses on a logarithmic axis over the steps: training, smoothed, and held out with its minimum in the legend.
    /// </summary>
    /// <param name="path">
    /// The file, which ends in <c>.png</c> or <c>.svg</c>, 1000 x 600 pixels. A missing folder is made, an older file is replaced.
    /// </param>
    /// <exception cref="ArgumentException">The path has another ending.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void SavePlot(string path) => PlotFile.Save(path, Draw);

    private static bool IsShown(LossPoint point) => point.Loss > 0 && double.IsFinite(point.Loss);

    private void Draw(Plot plot)
    {
        if (Training.Count == 0)
        {
            PlotStyle.ShowOnly(plot, "No loss: no step with a finite loss was reported.");
            return;
        }

        LossPoint[] all = [.. Training, .. HeldOut];
        plot.Title("Loss by step");
        plot.XLabel("optimizer step");
        plot.YLabel("loss");
        PlotStyle.SetLogarithmic(
            plot.Axes.Left, all.Min(point => point.Loss) / Margin, all.Max(point => point.Loss) * Margin, PlotStyle.LossText);
        PlotStyle.SetSteps(plot.Axes.Bottom, all.Max(point => point.Step));
        PlotStyle.AddCurve(plot, Training.Select(Place), TrainingColor, "training", 1.5f).MarkerSize = Training.Count == 1 ? MarkerSize : 0;
        PlotStyle.AddCurve(plot, Smoothed.Select(Place), SmoothedColor, "training, smoothed", 3);
        if (HeldOut.Count > 0)
        {
            LossPoint best = HeldOut.MinBy(point => point.Loss);
            string name = $"held out, lowest {PlotStyle.LossText(best.Loss)} at step {PlotStyle.StepText(best.Step)}";
            PlotStyle.AddCurve(plot, HeldOut.Select(Place), HeldOutColor, name, 2).MarkerSize = MarkerSize;
        }

        plot.ShowLegend(Alignment.UpperRight);
    }

    private static (double X, double Loss) Place(LossPoint point) => (point.Step, point.Loss);
}
