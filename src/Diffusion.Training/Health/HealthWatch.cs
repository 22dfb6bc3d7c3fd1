using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Training;

/// <summary>Watches a run by its reports. What is wrong is said once, and again only when it has been right for a while.</summary>
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

    /// <param name="options">Of the run.</param>
    /// <param name="warmupSteps">The steps of its warm-up.</param>
    /// <param name="firstSamplesStep">The step at which a plan of the run expects recognisable samples.</param>
    /// <param name="trace">Says where the numbers of a step that was skipped went wrong.</param>
    public HealthWatch(TrainingOptions options, long warmupSteps, long firstSamplesStep, Func<long, string> trace)
    {
        this.options = options;
        this.warmupSteps = warmupSteps;
        this.firstSamplesStep = firstSamplesStep;
        this.trace = trace;
        Begin(step: 0, rollbacks: 0);
    }

    /// <summary>Forgets the run so far: it begins, or resumes from elsewhere.</summary>
    /// <param name="step">The steps that were made before.</param>
    /// <param name="rollbacks">How often its learning rate was lowered.</param>
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

    /// <summary>Looks at the next report.</summary>
    /// <returns>What is wrong and was not before.</returns>
    public IReadOnlyList<HealthFinding> Look(TrainingProgress report)
    {
        // Reports of a few steps are joined first, unless a step was skipped, which is said at once.
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

    /// <summary>Whether a finding that comes from elsewhere was not said lately; from now on it was.</summary>
    public bool IsNew(HealthFinding finding)
    {
        bool isNew = !sinceSeen.ContainsKey(finding.Kind);
        sinceSeen[finding.Kind] = 0;
        return isNew;
    }
}
