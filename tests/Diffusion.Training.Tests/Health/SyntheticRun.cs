namespace Diffusion.Training.Tests.Health;

/// <summary>Reports of a run as a test writes them, seen by a watch.</summary>
internal sealed class SyntheticRun
{
    private readonly HealthWatch watch;
    private readonly long every;
    private readonly double rate;
    private long step;

    public SyntheticRun(TrainingOptions? options = null, long every = 100, long warmup = 0, int rollbacks = 0)
    {
        options ??= new TrainingOptions();
        rate = options.LearningRate.Peak;
        watch = new HealthWatch(options, warmup, firstSamplesStep: 5000, step => $"Traced {step}.");
        watch.Begin(step: 0, rollbacks);
        this.every = every;
    }

    /// <summary>All that was found, in order.</summary>
    public List<HealthFinding> Found { get; } = [];

    public IEnumerable<FindingKind> Kinds => Found.Select(finding => finding.Kind);

    /// <summary>One more report of a run that goes well, changed as the test wants.</summary>
    public SyntheticRun Report(double loss, Func<TrainingProgress, TrainingProgress>? change = null)
    {
        step += every;
        TrainingProgress report = new()
        {
            Step = step,
            Steps = 200_000,
            ImagesSeen = step * 64,
            Loss = loss,
            GradientNorm = 0.3,
            LearningRate = rate,
            EmaDecay = 0.999,
            ImagesPerSecond = 100,
            Elapsed = TimeSpan.Zero,
            Remaining = TimeSpan.Zero,
            StepsReported = every,
            StepsOfLoss = every,
            LossDeviation = 0.2 * loss,
            RelativeLoss = loss,
            LossByLogSnr = [loss, loss, loss, loss / 4],
            RelativeLossByLogSnr = [loss, loss, loss, loss / 4],
            MeanGradientNorm = 0.3,
            MaxGradientNorm = 0.9,
            GradientsByBlock = new Dictionary<string,
                double>(StringComparer.Ordinal) { ["a"] = 1e-4, ["b"] = 2e-4, ["c"] = 5e-4, ["d"] = 1e-3 },
            LiveTensors = 500,
        };
        Found.AddRange(watch.Look(change?.Invoke(report) ?? report));
        return this;
    }

    /// <summary>The same report several times.</summary>
    public SyntheticRun Reports(int count, double loss, Func<TrainingProgress, TrainingProgress>? change = null)
    {
        for (int i = 0; i < count; i++)
        {
            Report(loss, change);
        }

        return this;
    }
}
