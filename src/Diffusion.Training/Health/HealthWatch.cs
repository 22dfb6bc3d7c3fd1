using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Training;

/// <summary>
/// Checks the reports of a run. Each kind of finding is reported once, and again only after it has been absent for a while.
/// </summary>
internal sealed class HealthWatch
{
    private const int ReportsToForget = 10;
    private const long MinSteps = 10;

    private readonly Dictionary<FindingKind, int> sinceSeen = [];
    private readonly TrainingOptions options;
    private readonly long warmupSteps;
    private readonly long firstSamplesStep;
    private readonly Func<long, string> trace;
    private IReadOnlyList<IHealthCheck> checks;
    private RunHistory run;
    private TrainingProgress? unfinished;

    /// <param name="options">The options of the run.</param>
    /// <param name="warmupSteps">The number of steps of the warm-up.</param>
    /// <param name="firstSamplesStep">The step at which recognizable samples are expected.</param>
    /// <param name="trace">Describes where the numbers of a skipped step became invalid.</param>
    public HealthWatch(TrainingOptions options, long warmupSteps, long firstSamplesStep, Func<long, string> trace)
    {
        this.options = options;
        this.warmupSteps = warmupSteps;
        this.firstSamplesStep = firstSamplesStep;
        this.trace = trace;
        Begin(step: 0, rollbacks: 0);
    }

    /// <summary>Starts over, for a run that starts, resumes or rolls back.</summary>
    /// <param name="step">The number of steps taken before.</param>
    /// <param name="rollbacks">How often the learning rate was lowered.</param>
    [MemberNotNull(nameof(checks), nameof(run))]
    public void Begin(long step, int rollbacks)
    {
        run = new RunHistory(options, warmupSteps, firstSamplesStep, step, rollbacks);
        checks =
        [
            new SkipCheck(trace), new DivergenceCheck(), new LearningCheck(), new OscillationCheck(), new PlateauCheck(),
                new OverfittingCheck(),
            new GradientCheck(), new BlockCheck(), new ClipCheck(), new LeakCheck(), new LoadingCheck(),
        ];
        unfinished = null;
        sinceSeen.Clear();
    }

    /// <summary>Checks the next report.</summary>
    /// <returns>The new findings.</returns>
    public IReadOnlyList<HealthFinding> Look(TrainingProgress report)
    {
        // Short reports are joined first, unless a step was skipped, which is reported at once.
        TrainingProgress window = unfinished is null ? report : ReportWindow.Join(unfinished, report);
        bool isWhole = window.StepsReported >= MinSteps || window.FirstSkippedStep is not null;
        unfinished = isWhole ? null : window;
        if (!isWhole)
        {
            return [];
        }

        run.Add(window);
        HealthFinding[] now = [.. checks.Select(check => check.Look(run)).OfType<HealthFinding>()];
        HealthFinding[] found = [.. now.Where(finding => !sinceSeen.ContainsKey(finding.Kind))];
        foreach (FindingKind kind in sinceSeen.Keys.ToArray())
        {
            if (++sinceSeen[kind] > ReportsToForget)
            {
                sinceSeen.Remove(kind);
            }
        }

        foreach (HealthFinding finding in now)
        {
            sinceSeen[finding.Kind] = 0;
        }

        return found;
    }

    /// <summary>Whether a finding from elsewhere was not reported lately. Afterwards it counts as reported.</summary>
    public bool IsNew(HealthFinding finding)
    {
        bool isNew = !sinceSeen.ContainsKey(finding.Kind);
        sinceSeen[finding.Kind] = 0;
        return isNew;
    }
}
