using Diffusion.Training;
using ScottPlot;

namespace Diffusion.Reporting;

/// <summary>
/// The losses of a run over its steps. A logarithmic axis cannot show losses that are 0 or less, infinite or not a number, so these are
/// skipped.
/// </summary>
public sealed class LossCurve
{
    private const int PointsPerNeighbor = 10;
    private const int MaxNeighbors = 250; // keeps the smoothing of a long run fast
    private const float MarkerSize = 8;

    private static readonly Color TrainingColor = new(150, 170, 200);
    private static readonly Color SmoothedColor = new(20, 70, 160);
    private static readonly Color HeldOutColor = new(200, 30, 30);

    /// <summary>Creates a curve.</summary>
    /// <param name="training">The training losses, by step.</param>
    /// <param name="heldOut">The held-out losses, by step.</param>
    internal LossCurve(IEnumerable<LossPoint> training, IEnumerable<LossPoint> heldOut)
    {
        Training = [.. training.Where(IsShown)];
        HeldOut = [.. heldOut.Where(IsShown)];
        int neighbors = Math.Min(MaxNeighbors, Training.Count / PointsPerNeighbor);
        double[] smoothed = LrSmoothing.Smooth([.. Training.Select(point => point.Loss)], neighbors);
        Smoothed = [.. Training.Zip(smoothed, (point, loss) => point with { Loss = loss })];
    }

    /// <summary>The training loss of each report: the mean over the steps since the previous report.</summary>
    public IReadOnlyList<LossPoint> Training { get; }

    /// <summary>
    /// <see cref="Training"/>, smoothed by a local linear fit (Cleveland 1979) of its logarithm. The fit uses a tenth of the points, at
    /// most 250, on each side.
    /// </summary>
    public IReadOnlyList<LossPoint> Smoothed { get; }

    /// <summary>The loss of the held-out images, at the steps at which it was measured. Empty if the run has no held-out images.</summary>
    public IReadOnlyList<LossPoint> HeldOut { get; }

    /// <summary>Reads the metrics in the folder of a run, which may still be training.</summary>
    /// <param name="runFolder">The folder that was given to <see cref="TrainerBuilder.UseCheckpoints"/>.</param>
    /// <exception cref="FileNotFoundException">The folder has no metrics yet, or is not the folder of a run.</exception>
    /// <exception cref="IOException">The metrics cannot be read.</exception>
    public static LossCurve FromRun(string runFolder) => FromReports(MetricsFile.Read(runFolder));

    /// <summary>
    /// Takes the losses from reports, such as those that <see cref="TrainerBuilder.ReportTo(IProgress{TrainingProgress})"/> receives.
    /// </summary>
    /// <param name="reports">The reports of one run, in the order of their steps.</param>
    public static LossCurve FromReports(IEnumerable<TrainingProgress> reports)
    {
        ArgumentNullException.ThrowIfNull(reports);
        TrainingProgress[] all = [.. reports];
        return new LossCurve(
            all.Select(report => new LossPoint(report.Step, report.Loss)),
            all.Where(report => report.HeldOutLoss is not null)
                .Select(report => new LossPoint(report.HeldOutLossStep ?? report.Step, report.HeldOutLoss!.Value)));
    }

    /// <summary>
    /// Plots the losses over the steps, with a logarithmic loss axis: training, smoothed, and held out. The legend has the lowest held-out
    /// loss.
    /// </summary>
    /// <param name="path">
    /// A file name that ends in <c>.png</c> or <c>.svg</c>. The plot has 1000 x 600 pixels. A missing folder is created, and an existing
    /// file is replaced.
    /// </param>
    /// <exception cref="ArgumentException">The path has another extension.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void SavePlot(string path) => PlotFile.Save(path, Draw);

    private static bool IsShown(LossPoint point) => point.Loss > 0 && double.IsFinite(point.Loss);

    /// <summary>Draws the losses.</summary>
    internal void Draw(Plot plot)
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
        PlotStyle.FitLogarithmic(plot, [.. all.Select(point => point.Loss)]);
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
