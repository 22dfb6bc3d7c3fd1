using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The loop of a run, from its first step to its last checkpoint.</summary>
internal sealed class TrainingLoop
{
    private readonly TrainerSetup setup;
    private readonly TrainingOptions options;
    private readonly TrainingParts parts;
    private readonly TrainingState state;

    /// <param name="setup">The run.</param>
    /// <param name="parts">The parts of the run, which the caller owns.</param>
    public TrainingLoop(TrainerSetup setup, TrainingParts parts)
    {
        this.setup = setup;
        this.parts = parts;
        (options, state) = (setup.Options, parts.State);
    }

    /// <summary>Trains until all steps are taken, the time limit expires, or the token is canceled, and then saves a checkpoint.</summary>
    /// <param name="cancellationToken">Ends the run between two steps or during a wait for images.</param>
    public TrainingResult Run(CancellationToken cancellationToken)
    {
        try
        {
            long began = setup.Time.GetTimestamp();
            using GradientCheckpointingScope checkpointing = new(setup.Model, options);
            parts.Reporter.Begin();
            if (options.Health.OnDivergence == DivergencePolicy.RollBack)
            {
                parts.Folder!.SaveFirst(state); // A rollback needs a checkpoint.
            }

            while (true)
            {
                if (Loop(began, cancellationToken) is { } reason)
                {
                    return End(reason);
                }

                parts.RollBack();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Canceled within a step, during a wait for images: that step is discarded.
            return End(StopReason.Cancelled);
        }
        catch (TrainingDivergedException error) when (error.WeightsAreGood)
        {
            parts.Folder?.TrySave(state);
            throw;
        }
    }

    // Returns null if the run has diverged and must roll back to its last checkpoint.
    private StopReason? Loop(long began, CancellationToken cancellationToken)
    {
        Device device = setup.Device.Activate();
        int batchSize = options.BatchSize;
        int microBatchSize = options.MicroBatchSize ?? batchSize;
        BatchPlan plan = new() { StepSize = batchSize, BatchSize = microBatchSize, Start = state.ImagesSeen };
        using BatchLoader loader = new(setup.Source, state.Data.Order(), plan, parts.Seeds, options.Loading, device, parts.OnBadImage);
        TrainingLog.Started(
            setup.Logger, setup.Device.ToString(), setup.Device.CpuThreads, state.Data.Split.TrainingCount, setup.Source.Shape.ToString(),
            state.Parameters.ParameterCount, state.Step, options.Steps);
        setup.Model.Network.train();

        using (no_grad())
        {
            state.Parameters.Gradients.zero_(); // discard the gradients of a step that an error interrupted
        }

        while (true)
        {
            // Done?
            TimeSpan elapsed = setup.Time.GetElapsedTime(began);
            StopReason? stop =
                state.Step >= options.Steps ? StopReason.Completed
                : cancellationToken.IsCancellationRequested ? StopReason.Cancelled
                : elapsed >= options.TimeLimit ? StopReason.TimeLimit
                : null;
            if (stop is { } reason)
            {
                return reason;
            }

            double learningRate;
            using (DisposeScope step = NewDisposeScope())
            {
                parts.Gauges.Meter.Begin(loader.WaitTime);

                // Gradients
                bool measuresNoise = state.Step > 0 && state.Step % options.Health.NoiseScaleEverySteps == 0;
                Tensor? batchLoss = parts.Pass.Accumulate(
                    loader, state.Parameters, batchSize, microBatchSize, measuresNoise ? MeasureNoiseScale : null, cancellationToken);

                // The gradients of each block, if the step is reported
                bool reports = (state.Step + 1) % options.ReportEverySteps == 0 || state.Step + 1 == options.Steps;
                if (reports)
                {
                    parts.Gauges.Blocks.Measure(state.Parameters.Gradients);
                }

                // Weights: clip, optimizer, average, zero.
                learningRate = state.NextLearningRate;
                using (state.Gate.Write())
                {
                    if (batchLoss is not null)
                    {
                        state.Update.Apply(state.Step + 1, learningRate, state.ImagesSeen + batchSize, batchSize);
                    }

                    state.Step++;
                    state.ImagesSeen += batchSize;
                }

                parts.Gauges.Meter.End(batchLoss, batchSize, loader.WaitTime);
            }

            parts.Gauges.EndStep();

            // Held-out loss
            if (parts.HeldOut is { } heldOut && (state.Step % options.HoldOutEverySteps == 0 || state.Step == options.Steps))
            {
                state.HeldOutLoss = heldOut.Measure(microBatchSize, cancellationToken);
                state.HeldOutStep = state.Step;
                TrainingLog.HeldOut(setup.Logger, state.Step, state.HeldOutLoss.Value);
                parts.Gauges.EndPause("the held-out loss", options.HoldOutEverySteps, alsoAtEnd: true);
            }

            // Status
            if (state.Step % options.ReportEverySteps == 0 || state.Step == options.Steps)
            {
                IReadOnlyList<HealthFinding> found = parts.Reporter.Report(learningRate, setup.Time.GetElapsedTime(began),
                    loader.BadImages);
                parts.Gauges.EndPause("a progress observer", options.ReportEverySteps, alsoAtEnd: true);
                if (found.FirstOrDefault(finding => finding.Kind == FindingKind.Diverged) is { } divergence
                    && options.Health.OnDivergence != DivergencePolicy.Report)
                {
                    bool mayRollBack = options.Health.OnDivergence == DivergencePolicy.RollBack && state.Rollbacks < Rollback.MaxCount;
                    return mayRollBack
                        ? null
                        : throw new TrainingDivergedException($"{divergence.Seen} {divergence.Meaning} {divergence.Remedy}");
                }
            }

            // Previews
            foreach (TrainerSetup.Preview preview in setup.Previews.Where(preview => state.Step % preview.EverySteps == 0))
            {
                TrainingPreview current = new(state.Step, parts.EmaDenoiser, cancellationToken) { OnSamples = parts.Reporter.TakeSamples };
                parts.Reporter.Shield("preview", () => preview.Action(current), cancellationToken);
                parts.Gauges.EndPause("a preview", preview.EverySteps);
            }

            // Snapshots of the averages
            if (options.EmaSnapshotEverySteps is { } snapshotSteps && state.Step % snapshotSteps == 0)
            {
                parts.Folder?.SaveEmaSnapshots(state);
                parts.Gauges.EndPause("a snapshot of the averages", snapshotSteps, alsoAtEnd: true);
            }

            // Checkpoint: training waits for the copy of its state, and continues while the copy is saved.
            parts.Folder?.Poll();
            if (state.Step % options.CheckpointEverySteps == 0)
            {
                parts.Folder?.BeginSave(state);
                parts.Gauges.EndPause("a checkpoint", options.CheckpointEverySteps);
            }
        }
    }

    // Measures the micro-batch in two parts and discards their gradients.
    private void MeasureNoiseScale(ImageBatch batch, Conditioning conditioning)
    {
        int images = batch.Positions.Length;
        if (images < 2)
        {
            return;
        }

        parts.Gauges.NoiseScale.Measure(images, (from, to, weight) =>
        {
            Tensor pixels = batch.Pixels.narrow(0, from, to - from);
            parts.MeasuringPass.Backward(pixels, conditioning.Slice(from, to - from), batch.Positions[from..to], weight);
        });
    }

    private TrainingResult End(StopReason reason)
    {
        if (reason != StopReason.Cancelled && options.EmaSnapshotEverySteps is not null)
        {
            parts.Folder?.SaveEmaSnapshots(state);
        }

        parts.Folder?.Save(state);
        parts.Reporter.End();
        TrainingLog.Ended(setup.Logger, state.Step, reason);
        return new TrainingResult
        {
            StopReason = reason,
            Step = state.Step,
            ImagesSeen = state.ImagesSeen,
            Loss = parts.Reporter.LastLoss,
            EmaDenoiser = parts.EmaDenoiser,
            Averages = parts.Averages,
            RawDenoiser = parts.Denoiser,
            Findings = [.. parts.Reporter.Findings],
            Checkpoint = parts.Folder?.LastCheckpoint,
        };
    }
}
