namespace Diffusion.Training;

/// <summary>The reports of a run that checks look back at; those without any loss are left out.</summary>
internal sealed class RunHistory(TrainingOptions options, long warmupSteps, long firstSamplesStep)
{
    private const int Longest = 1000;
    private const double HighRate = 5;
    private const long FewestSteps = 5;

    private readonly List<TrainingProgress> reports = [];

    /// <summary>The options of the run.</summary>
    public TrainingOptions Options => options;

    /// <summary>The steps of its warm-up.</summary>
    public long WarmupSteps => warmupSteps;

    /// <summary>The step at which a plan of the run expects recognisable samples.</summary>
    public long FirstSamplesStep => firstSamplesStep;

    /// <summary>The first report.</summary>
    public TrainingProgress? First { get; private set; }

    /// <summary>The report with the lowest loss before the last one.</summary>
    public TrainingProgress? Best { get; private set; }

    /// <summary>The last report.</summary>
    public TrainingProgress Last { get; private set; } = null!;

    /// <summary>Whether the last report has a loss.</summary>
    public bool LastHasLoss { get; private set; }

    /// <summary>The reports with a loss, oldest first, up to and with the last one.</summary>
    public IReadOnlyList<TrainingProgress> Reports => reports;

    /// <summary>Whether the last learning rate was far above the usual one for the batch.</summary>
    public bool RateIsHigh => Last.LearningRate > HighRate * BatchSizeScaling.LearningRate(options.BatchSize);

    /// <summary>How uncertain the loss of a report is: its standard error, without limit where it has too few steps to tell.</summary>
    public static double ErrorOf(TrainingProgress report) =>
        report.StepsReported < FewestSteps ? double.PositiveInfinity : report.LossDeviation / Math.Sqrt(report.StepsReported);

    /// <summary>Takes the next report.</summary>
    public void Add(TrainingProgress report)
    {
        Last = report;
        LastHasLoss = double.IsFinite(report.Loss);
        if (!LastHasLoss)
        {
            return;
        }

        if (reports.Count > 0 && (Best is null || reports[^1].Loss < Best.Loss))
        {
            Best = reports[^1];
        }

        First ??= report;
        reports.Add(report);
        if (reports.Count > Longest)
        {
            reports.RemoveAt(0);
        }
    }
}
