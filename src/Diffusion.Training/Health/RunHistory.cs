namespace Diffusion.Training;

/// <summary>
/// What checks look back at: the last reports, and what they need of the ones before. Reports without any loss are left out.
/// </summary>
internal sealed class RunHistory(TrainingOptions options, long warmupSteps, long firstSamplesStep, long beganAt, int rollbacks)
{
    private const int Longest = 100;
    private const double HighRate = 5;
    private const long MinSteps = 5;

    private readonly List<TrainingProgress> reports = [];
    private readonly List<double> heldOutLosses = [];
    private readonly RunCurve curve = new();

    /// <summary>The options of the run.</summary>
    public TrainingOptions Options => options;

    /// <summary>The steps of its warm-up.</summary>
    public long WarmupSteps => warmupSteps;

    /// <summary>The step at which a plan of the run expects recognisable samples.</summary>
    public long FirstSamplesStep => firstSamplesStep;

    /// <summary>The steps that were made before the run began, was resumed, or went back to a checkpoint.</summary>
    public long BeganAt => beganAt;

    /// <summary>The report with the lowest loss before the last one, of those with enough steps to tell.</summary>
    public TrainingProgress? Best { get; private set; }

    /// <summary>The last report.</summary>
    public TrainingProgress Last { get; private set; } = null!;

    /// <summary>Whether the last report has a loss.</summary>
    public bool LastHasLoss { get; private set; }

    /// <summary>The last reports with a loss, at most a hundred, oldest first, up to and with the last one.</summary>
    public IReadOnlyList<TrainingProgress> Reports => reports;

    /// <summary>The whole run, coarsely.</summary>
    public IReadOnlyList<TrainingProgress> Curve => curve.Windows;

    /// <summary>All measurements of the held-out loss, oldest first.</summary>
    public IReadOnlyList<double> HeldOutLosses => heldOutLosses;

    /// <summary>Whether the last learning rate was far above the usual one for the batch, and that of batch 64.</summary>
    public bool RateIsHigh =>
        Last.LearningRate > HighRate * Math.Max(Rates.Usual,
            BatchSizeScaling.BaseLearningRate); // Small batches do not ask for a lower rate.

    /// <summary>The usual learning rates, and which to try next.</summary>
    public RateAdvice Rates { get; } = new(options.BatchSize, options.LearningRate.Peak, rollbacks);

    /// <summary>What to lower to what.</summary>
    public string LowerRate => RateIsHigh ? Rates.LowerToUsual : Rates.Lower;

    /// <summary>
    /// The step of the last report whose loss was nearer to the lowest than to the present one: weights of then are not yet spoilt. Zero
    /// where there is none.
    /// </summary>
    public long LastGoodStep => Best is { } best
        ? reports.FindLast(report => report.Loss * report.Loss <= best.Loss * Last.Loss)?.Step ?? best.Step
        : 0;

    /// <summary>How uncertain the loss of a report is: its standard error, without limit where it has too few steps to tell.</summary>
    public static double ErrorOf(TrainingProgress report) =>
        report.StepsOfLoss < MinSteps ? double.PositiveInfinity : report.LossDeviation / Math.Sqrt(report.StepsOfLoss);

    /// <summary>Takes the next report.</summary>
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
        if (reports.Count > Longest)
        {
            reports.RemoveAt(0);
        }
    }
}
