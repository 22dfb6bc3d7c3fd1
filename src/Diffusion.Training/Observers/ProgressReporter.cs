namespace Diffusion.Training;

/// <summary>Tells log and observers where a run stands, and ends it when it has diverged.</summary>
internal sealed class ProgressReporter(TrainerSetup setup, TrainingState state, TrainingMeter meter, IReadOnlyList<IProgress<TrainingProgress>> observers)
{
    private const long MostSkippedInARow = 8;

    private readonly TrainingOptions options = setup.Options;

    /// <summary>The training loss of the last report.</summary>
    public double? LastLoss { get; private set; }

    /// <summary>Reports the steps since the last time.</summary>
    /// <param name="learningRate">Of the last step.</param>
    /// <param name="elapsed">Since the run began.</param>
    /// <param name="heldOutLoss">The last one measured.</param>
    /// <param name="badImages">Images that could not be read so far.</param>
    /// <exception cref="TrainingDivergedException">Gradients stayed infinite or not a number.</exception>
    public void Report(double learningRate, TimeSpan elapsed, double? heldOutLoss, long badImages)
    {
        TrainingMeter.Reading reading = meter.Read();
        double imagesLeft = (options.Steps - state.Step) * (double)options.BatchSize;
        double secondsLeft = Math.Min(
            imagesLeft / Math.Max(1e-9, reading.ImagesPerSecond),
            ((options.TimeLimit ?? TimeSpan.MaxValue) - elapsed).TotalSeconds);
        TrainingProgress progress = new()
        {
            Step = state.Step,
            Steps = options.Steps,
            ImagesSeen = state.ImagesSeen,
            Loss = reading.Loss,
            GradientNorm = reading.GradientNorm,
            LearningRate = learningRate,
            EmaDecay = state.Averages.Count == 0 ? null : state.Averages[0].DecayAt(state.Step),
            ImagesPerSecond = reading.ImagesPerSecond,
            DataWaitShare = reading.DataWaitShare,
            Elapsed = elapsed,
            Remaining = TimeSpan.FromSeconds(Math.Clamp(secondsLeft, 0, TimeSpan.MaxValue.TotalSeconds / 2)),
            HeldOutLoss = heldOutLoss,
            SkippedSteps = reading.Skipped,
            BadImages = badImages,
        };
        LastLoss = progress.Loss;
        TrainingLog.Progress(setup.Logger, progress.Step, progress.Loss, progress.GradientNorm, progress.LearningRate, progress.ImagesPerSecond);
        foreach (IProgress<TrainingProgress> observer in observers)
        {
            Shield("progress observer", () => observer.Report(progress));
        }

        if (reading.SkippedOfSteps > 0)
        {
            TrainingLog.Skipped(setup.Logger, reading.SkippedOfSteps, reading.Steps, reading.Skipped);
        }

        if (reading.SkippedInARow >= MostSkippedInARow)
        {
            throw new TrainingDivergedException(
                $"The gradients of the last {reading.SkippedInARow} steps before step {state.Step} were infinite or not a number, "
                + $"at learning rate {learningRate:G3}. The weights are those of the last good step. "
                + "Lower the learning rate (divide it by 3), lengthen the warm-up, or lower GradientClip.");
        }
    }

    /// <summary>Calls what others hang onto a run, which must not end it: what it throws is logged.</summary>
    /// <param name="what">Its name in the log.</param>
    /// <param name="action">The call.</param>
    public void Shield(string what, Action action)
    {
        try
        {
            action();
        }
#pragma warning disable CA1031 // Whatever it throws is logged, and training goes on.
        catch (Exception error)
#pragma warning restore CA1031
        {
            TrainingLog.CallbackThrew(setup.Logger, error, what, state.Step);
        }
    }
}
