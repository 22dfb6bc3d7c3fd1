namespace Diffusion.Training;

/// <summary>
/// The history that the health checks use: the last reports, and a summary of the earlier ones. Reports without a loss are left out.
/// </summary>
internal sealed class RunHistory(TrainingOptions options, long warmupSteps, long firstSamplesStep, long beganAt, int rollbacks)
{
    private const int MaxReports = 100;
    private const double HighRate = 5;
    private const long MinSteps = 5;

    private readonly List<TrainingProgress> reports = [];
    private readonly List<double> heldOutLosses = [];
    private readonly RunCurve curve = new();

    /// <summary>The options of the run.</summary>
    public TrainingOptions Options => options;

    /// <summary>The number of steps of the warm-up.</summary>
    public long WarmupSteps => warmupSteps;

    /// <summary>The step at which recognizable samples are expected.</summary>
    public long FirstSamplesStep => firstSamplesStep;

    /// <summary>The number of steps taken before the run started, resumed, or rolled back to a checkpoint.</summary>
    public long BeganAt => beganAt;

    /// <summary>The report with the lowest loss, among those before the last that cover enough steps.</summary>
    public TrainingProgress? Best { get; private set; }

    /// <summary>The last report.</summary>
    public TrainingProgress Last { get; private set; } = null!;

    /// <summary>Whether the last report has a loss.</summary>
    public bool LastHasLoss { get; private set; }

    /// <summary>The last reports with a loss, at most 100, oldest first, including the last one.</summary>
    public IReadOnlyList<TrainingProgress> Reports => reports;

    /// <summary>The complete run at low resolution.</summary>
    public IReadOnlyList<TrainingProgress> Curve => curve.Windows;

    /// <summary>All measurements of the held-out loss, oldest first.</summary>
    public IReadOnlyList<double> HeldOutLosses => heldOutLosses;

    /// <summary>Whether the last learning rate was far above the usual one for the batch size, and above that for a batch of 64.</summary>
    public bool RateIsHigh =>
        Last.LearningRate > HighRate * Math.Max(Rates.Usual,
            BatchSizeScaling.BaseLearningRate); // Small batches do not need a lower rate.

    /// <summary>The usual learning rates, and the next ones to try.</summary>
    public RateAdvice Rates { get; } = new(options.BatchSize, options.LearningRate.Peak, rollbacks);

    /// <summary>Which option to lower, from which value to which value.</summary>
    public string LowerRate => RateIsHigh ? Rates.LowerToUsual : Rates.Lower;

    /// <summary>
    /// The step of the last report whose loss was closer to the lowest loss than to the current one: the weights of that step are still
    /// good. 0 if there is none.
    /// </summary>
    public long LastGoodStep => Best is { } best
        ? reports.FindLast(report => report.Loss * report.Loss <= best.Loss * Last.Loss)?.Step ?? best.Step
        : 0;

    /// <summary>The standard error of the loss of a report; infinite if the report covers too few steps.</summary>
    public static double ErrorOf(TrainingProgress report) =>
        report.StepsOfLoss < MinSteps ? double.PositiveInfinity : report.LossDeviation / Math.Sqrt(report.StepsOfLoss);

    /// <summary>Adds the next report.</summary>
    public void Add(TrainingProgress report)
    {
        Last = report;
        LastHasLoss = double.IsFinite(report.Loss);
        if (report.HeldOutLoss is { } heldOut && double.IsFinite(heldOut) && (heldOutLosses.Count == 0 || heldOut != heldOutLosses[^1]))
        {
            heldOutLosses.Add(heldOut);
        }

        if (!LastHasLoss)
        {
            return;
        }

        if (reports is [.., TrainingProgress before] && double.IsFinite(ErrorOf(before)) && (Best is null || before.Loss < Best.Loss))
        {
            Best = before;
        }

        curve.Add(report);
        reports.Add(report);
        if (reports.Count > MaxReports)
        {
            reports.RemoveAt(0);
        }
    }
}
