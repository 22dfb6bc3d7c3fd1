using System.Globalization;
using TorchSharp;

namespace Diffusion.Training;

/// <summary>Reports the progress of a run to the log and the observers, and ends the run if it has diverged.</summary>
internal sealed class ProgressReporter(
    TrainerSetup setup, TrainingState state, RunGauges gauges, HealthWatch watch, SampleChecks samples,
        IReadOnlyList<IProgress<TrainingProgress>> observers)
{
    private const long MaxSkippedInARow = 8;

    private readonly TrainingOptions options = setup.Options;
    private readonly List<HealthFinding> findings = [];
    private readonly Dictionary<FindingKind, HealthFinding> waiting = [];
    private long? heldOutReported = state.HeldOutStep;

    /// <summary>The findings since the run started, in the order in which they were found.</summary>
    public IReadOnlyList<HealthFinding> Findings => findings;

    /// <summary>The training loss of the last report.</summary>
    public double? LastLoss { get; private set; }

    /// <summary>Reports the steps since the last report.</summary>
    /// <param name="learningRate">The learning rate of the last step.</param>
    /// <param name="elapsed">The time since the run started.</param>
    /// <param name="badImages">The number of images that could not be read so far.</param>
    /// <returns>The new findings.</returns>
    /// <exception cref="TrainingDivergedException">The gradients stayed infinite or NaN.</exception>
    public IReadOnlyList<HealthFinding> Report(double learningRate, TimeSpan elapsed, long badImages)
    {
        MeterReading reading = gauges.Meter.Read();
        gauges.Times.EndStep(); // the reading waited for the steps
        bool isNewHeldOut = state.HeldOutStep != heldOutReported;
        heldOutReported = state.HeldOutStep;
        TimeSpan remaining = Remaining(reading.ImagesPerSecond, elapsed);
        TrainingProgress progress = new()
        {
            Step = state.Step,
            Steps = options.Steps,
            ImagesSeen = state.ImagesSeen,
            Loss = reading.Loss,
            StepsReported = reading.Made,
            StepsOfLoss = reading.StepsOfLoss,
            LossDeviation = reading.LossDeviation,
            RelativeLoss = reading.RelativeLoss,
            LossByLogSnr = reading.LossByLogSnr,
            RelativeLossByLogSnr = reading.RelativeLosses,
            GradientNorm = reading.GradientNorm,
            MeanGradientNorm = reading.MeanGradientNorm,
            MaxGradientNorm = reading.MaxGradientNorm,
            ClippedShare = reading.ClippedShare,
            GradientsByBlock = gauges.Blocks.Read(),
            GradientNoiseScale = gauges.NoiseScale.Read(),
            FirstSkippedStep = state.Step - reading.Made + reading.FirstSkipped + 1,
            LiveTensors = torch.Tensor.TotalCount,
            LeakedTensors = gauges.Tensors.Growing,
            LearningRate = learningRate,
            EmaDecay = state.Averages.Count == 0
                ? null
                : state.Averages[0].Law.DecayAt(state.Step, state.ImagesSeen, setup.Options.BatchSize),
            ImagesPerSecond = reading.ImagesPerSecond,
            DataWaitShare = reading.DataWaitShare,
            Elapsed = elapsed,
            Remaining = remaining,
            HeldOutLoss = isNewHeldOut ? state.HeldOutLoss : null,
            HeldOutLossStep = isNewHeldOut ? state.HeldOutStep : null,
            SkippedSteps = reading.Skipped,
            OverflowedSteps = reading.Overflowed,
            LossScale = reading.LossScale,
            BadImages = badImages,
        };
        HealthFinding[] found = [.. watch.Look(progress), .. TakeWaiting()];
        findings.AddRange(found);
        progress = progress with { Findings = found };
        LastLoss = progress.Loss;
        TrainingLog.Progress(setup.Logger, progress.Step, progress.Loss, progress.GradientNorm, progress.LearningRate,
            progress.ImagesPerSecond);
        setup.Metrics.Take(progress, reading.Made * options.BatchSize, reading.SkippedOfSteps, reading.OverflowedOfSteps);
        foreach (IProgress<TrainingProgress> observer in observers)
        {
            Shield("progress observer", () => observer.Report(progress));
        }

        if (reading.SkippedOfSteps > 0)
        {
            TrainingLog.Skipped(setup.Logger, reading.SkippedOfSteps, reading.Steps, reading.Skipped);
        }

        if (reading is { OverflowedOfSteps: > 0, LossScale: { } scale })
        {
            TrainingLog.Overflowed(setup.Logger, reading.OverflowedOfSteps, reading.Steps, scale, reading.Overflowed);
        }

        Tell(found);
        if (reading.SkippedInARow >= MaxSkippedInARow)
        {
            throw new TrainingDivergedException(
                $"The gradients of the last {reading.SkippedInARow} steps up to step {state.Step} were infinite, NaN or above "
                + "Health.MaxGradientNorm "
                + string.Create(CultureInfo.InvariantCulture,
                    $"at learning rate {learningRate:G3}. The weights are those of the last good step. ")
                + (findings.FindLast(finding => finding.Kind == FindingKind.SkippedSteps
                    && finding.Step > state.Step - reading.SkippedInARow) is { } skipped ? $"{skipped.Seen} " : string.Empty)
                + $"Lower {new RateAdvice(options.BatchSize, options.LearningRate.Peak, state.Rollbacks).Lower}, lengthen the warm-up, or "
                + $"lower GradientClip.")
            {
                WeightsAreGood = true,
            };
        }

        return found;
    }

    /// <summary>Ends a call of <see cref="Trainer.Run"/>: reports the findings for which no report is left.</summary>
    public void End()
    {
        HealthFinding[] last = TakeWaiting();
        findings.AddRange(last);
        Tell(last);
    }

    // The findings between two reports that were not reported lately.
    private HealthFinding[] TakeWaiting()
    {
        HealthFinding[] found = [.. waiting.Values.Where(watch.IsNew)];
        waiting.Clear();
        return found;
    }

    private void Tell(IReadOnlyList<HealthFinding> found)
    {
        foreach (HealthFinding finding in found)
        {
            TrainingLog.Found(setup.Logger, finding);
            setup.Metrics.Count(finding);
            foreach (IProgress<HealthFinding> observer in setup.FindingObservers)
            {
                Shield("finding observer", () => observer.Report(finding));
            }
        }
    }

    private TimeSpan Remaining(double imagesPerSecond, TimeSpan elapsed)
    {
        RunTime pace = new(RunTime.Seconds(options.BatchSize / Math.Max(1e-9, imagesPerSecond)), gauges.Times.Pauses);
        TimeSpan all = pace.Between(state.Step, options.Steps, isEnd: true);
        TimeSpan limit = (options.TimeLimit ?? TimeSpan.MaxValue) - elapsed;
        return limit < TimeSpan.Zero ? TimeSpan.Zero : all < limit ? all : limit;
    }

    /// <summary>Checks the samples of a preview.</summary>
    public void TakeSamples(torch.Tensor images)
    {
        foreach (HealthFinding finding in samples.Look(images, state.Step, state.Rollbacks))
        {
            waiting.TryAdd(finding.Kind, finding);
        }
    }

    /// <summary>Continues after a rollback to a checkpoint.</summary>
    public void RolledBack(string checkpoint)
    {
        TrainingLog.RolledBack(setup.Logger, checkpoint, state.Step, state.NextLearningRate);
        heldOutReported = state.HeldOutStep;
        gauges.Begin();
        watch.Begin(state.Step, state.Rollbacks);
    }

    /// <summary>Starts a call of <see cref="Trainer.Run"/>.</summary>
    public void Begin()
    {
        findings.Clear();
        waiting.Clear();
        heldOutReported = state.HeldOutStep;
        gauges.Begin();
        watch.Begin(state.Step, state.Rollbacks);
    }

    /// <summary>Invokes user code, which must not end the run: an exception is logged and becomes a finding of the next report.</summary>
    /// <param name="what">The name of the user code in the log.</param>
    /// <param name="action">The call.</param>
    /// <param name="cancellationToken">Ends the call early, which is not an error.</param>
    public void Shield(string what, Action action, CancellationToken cancellationToken = default)
    {
        using IDisposable tensors = gauges.Tensors.Watch();
        try
        {
            action();
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
#pragma warning disable CA1031 // Any exception is logged, and training continues.
        catch (Exception error)
#pragma warning restore CA1031
        {
            TrainingLog.CallbackThrew(setup.Logger, error, what, state.Step);
            waiting.TryAdd(FindingKind.CallbackFailed, new HealthFinding(
                FindingKind.CallbackFailed,
                state.Step,
                $"A {what} threw {error.GetType().Name}: {error.Message}",
                "Its output is missing; training continues.",
                "Fix the cause, and resume from the last checkpoint."));
        }
    }
}
