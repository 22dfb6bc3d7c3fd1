using Diffusion.Data;

namespace Diffusion.Training;

/// <summary>Makes a plan from the parts of a run and what a few of its steps took.</summary>
internal static class TrainingPlanner
{
    private const double MuchWaiting = 0.1;
    private const double MuchLonger = 3;

    /// <summary>Measures and plans.</summary>
    /// <param name="setup">The run.</param>
    /// <param name="plan">What is measured and planned for.</param>
    /// <param name="cancellationToken">Ends it between two steps, or in a wait for images.</param>
    public static TrainingPlan Measure(TrainerSetup setup, PlanOptions plan, CancellationToken cancellationToken)
    {
        TrialRun? trial = null;
        try
        {
            trial = new TrialRun(setup, cancellationToken);
            TrainingState state = trial.Parts.State;
            return Of(new PlanFacts
            {
                Options = setup.Options,
                Plan = plan,
                Calibration = StepCalibrator.Measure(trial, plan.CalibrationSteps),
                Images = state.Data.Split.TrainingCount,
                HeldOutImages = state.Data.Split.HeldOutCount,
                Shape = setup.Source.Shape,
                ParameterCount = state.Parameters.ParameterCount,
                Memory = MemoryOf(setup, trial.Setup),
                CheckpointBytes = setup.Options.RunFolder is null ? 0 : state.Tensors.Bytes,
            });
        }
        catch (Exception error) when (error is not OperationCanceledException || trial is not { IsCanceled: true })
        {
            setup.Processes?.Fail(error);
            throw;
        }
        finally
        {
            trial?.Dispose();
        }
    }

    /// <summary>Plans.</summary>
    /// <param name="facts">From what.</param>
    public static TrainingPlan Of(PlanFacts facts)
    {
        (TrainingOptions options, PlanOptions plan, StepCalibration calibration) = (facts.Options, facts.Plan, facts.Calibration);
        RunTime time = new(calibration.StepTime,
            [new PeriodicCost(options.HoldOutEverySteps, HeldOutTime(facts.HeldOutImages, calibration), AlsoAtEnd: true)]);
        long steps = options.TimeLimit is { } limit ? Math.Min(options.Steps, time.StepsWithin(limit)) : options.Steps;
        SuggestedSteps suggested = StepsTable.For(facts.Images, facts.Shape, options.BatchSize);
        long firstSamples = StepsTable.FirstSamplesStep(suggested, options);
        return new TrainingPlan
        {
            Images = facts.Images,
            HeldOutImages = facts.HeldOutImages,
            Shape = facts.Shape,
            ParameterCount = facts.ParameterCount,
            BatchSize = options.BatchSize,
            MicroBatchSize = calibration.ForwardImages,
            Memory = facts.Memory,
            LearningRate = options.LearningRate.Peak,
            Suggested = suggested,
            Steps = steps,
            ImagesSeen = long.CreateSaturating((Int128)steps * options.BatchSize),
            Epochs = (double)steps * options.BatchSize / facts.Images,
            Calibration = calibration,
            Duration = time.Between(0, steps, isEnd: steps == options.Steps),
            SuggestedDuration = time.Between(0, suggested.Steps, isEnd: true),
            FirstSamplesStep = firstSamples,
            FirstSamplesAfter = time.Between(0, firstSamples, isEnd: false),
            CheckpointBytes = facts.CheckpointBytes,
            MaxCheckpoints = options.RunFolder is null ? 0 : MaxCheckpoints(options, steps),
            SampledImages = plan.SampledImages,
            SamplerSteps = plan.SamplerSteps,
            SamplingTime = RunTime.Seconds(calibration.ForwardTime.TotalSeconds * plan.SamplerSteps * plan.SampledImages
                / calibration.ForwardImages),
            Notes = [.. Notes(facts, suggested, steps, firstSamples)],
            Facts = facts,
            Time = time,
        };
    }

    private static IEnumerable<string> Notes(PlanFacts facts, SuggestedSteps suggested, long steps, long firstSamples)
    {
        if (steps < firstSamples)
        {
            yield return Text(
                $"The run ends at step {steps:N0}, before its samples should be recognizable (about step {firstSamples:N0}). Give it more "
                    + $"steps or time, a smaller network, or a higher learning rate if LrRangeFinder allows it.");
        }
        else if (steps < suggested.Steps / MuchLonger)
        {
            yield return Text(
                $"The run makes {100.0 * steps / suggested.Steps:0.##}% of the suggested steps: good for a first look; samples "
                    + $"improve for long after.");
        }
        else if (steps > suggested.Steps * MuchLonger)
        {
            yield return Text(
                $"The run makes {(double)steps / suggested.Steps:F1} times the suggested steps. "
                    + $"{(facts.HeldOutImages > 0 ? "The held-out loss shows" : "Hold images out (HoldOutFraction 0.05) to see")} "
                    + $"whether it overfits.");
        }

        if (facts.Calibration.DataWaitShare > MuchWaiting)
        {
            yield return Text(
                $"{100 * facts.Calibration.DataWaitShare:0}% of the time is spent waiting for images. Raise Loading.Workers, or prepare "
                    + $"the images once at their size with ShardWriter.");
        }

        if (facts.Options.RunFolder is null)
        {
            yield return "Nothing is saved. Give the run a folder with UseCheckpoints.";
        }
    }

    private static TimeSpan HeldOutTime(long images, StepCalibration calibration) =>
        calibration.ForwardTime * ((double)Math.Min(images, HeldOutLoss.MaxImages) / calibration.ForwardImages / calibration.Processes);

    private static MemoryEstimate? MemoryOf(TrainerSetup setup, TrainerSetup tried)
    {
        if (!NetworkMemory.IsKnown(setup.Model))
        {
            return null;
        }

        TrainingOptions options = setup.Options.Copy();
        options.Precision = tried.Options.Precision;
        return RunMemory.EstimatorOf(setup with { Options = options }).Estimate(tried.MicroBatchSize);
    }

    // The one that is being written comes on top of those that are kept; the last step saves one as well, and a run that may roll back its
    // first.
    private static long MaxCheckpoints(TrainingOptions options, long steps)
    {
        long saved = (steps / options.CheckpointEverySteps) + (steps % options.CheckpointEverySteps == 0 ? 0 : 1)
            + (options.Health.OnDivergence == DivergencePolicy.RollBack ? 1 : 0);
        long kept = options.KeepCheckpoints + options.KeepBestCheckpoints
            + (options.KeepCheckpointsEverySteps is { } every ? steps / every : 0);
        return Math.Min(saved, kept + 1);
    }

    private static string Text(InvariantText text) => text.ToString();
}
