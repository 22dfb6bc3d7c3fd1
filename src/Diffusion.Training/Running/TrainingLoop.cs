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
    private readonly SampleSharing samples;
    private readonly PreviewCalls previews;

    /// <param name="setup">The run.</param>
    /// <param name="parts">The parts of the run, which the caller owns.</param>
    public TrainingLoop(TrainerSetup setup, TrainingParts parts)
    {
        this.setup = setup;
        this.parts = parts;
        (options, state) = (setup.Options, parts.State);
        (samples, previews) = (new SampleSharing(setup, parts), new PreviewCalls(setup, parts));
    }

    /// <summary>Trains until all steps are taken, the time limit expires, or the token is canceled, and then saves a checkpoint.</summary>
    /// <param name="start">What observers are told at the start.</param>
    /// <param name="cancellationToken">Ends the run between two steps or during a wait for images.</param>
    public TrainingResult Run(RunStart start, CancellationToken cancellationToken)
    {
        try
        {
            long began = setup.Time.GetTimestamp();
            parts.WholeAverages?.Release();
            using GradientCheckpointingScope checkpointing = new(setup);
            parts.Reporter.Begin();
            Observe(observer => observer.Begin(start));
            parts.Ranks?.WaitForFirst(); // its observers may take long
            if (options.Health.OnDivergence == DivergencePolicy.RollBack)
            {
                parts.Folder?.SaveFirst(state); // A rollback needs a checkpoint.
                parts.Ranks?.ServeFirst();
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
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested && parts.Ranks is null)
        {
            // Canceled within a step, during a wait for images: that step is discarded.
            return End(StopReason.Canceled);
        }
        catch (TrainingDivergedException error) when (error.WeightsAreGood)
        {
            parts.Folder?.TrySave(state);
            parts.Ranks?.ServeFirst();
            parts.WholeAverages?.Gather(state.Averages.Count);
            throw;
        }
        catch (Exception error)
        {
            setup.Processes?.Fail(error);
            throw;
        }
    }

    // Returns null if the run has diverged and must roll back to its last checkpoint.
    private StopReason? Loop(long began, CancellationToken cancellationToken)
    {
        Device device = setup.Device.Activate();
        int batchSize = options.BatchSize;
        int microBatchSize = setup.MicroBatchSize;
        BatchPlan plan = new()
        {
            StepSize = batchSize, BatchSize = microBatchSize, Start = state.ImagesSeen,
            Rank = setup.Processes?.Group.Rank ?? 0, World = setup.Processes?.Group.WorldSize ?? 1,
        };
        using BatchLoader loader = new(setup.Source, state.Data.Order(), plan, parts.Seeds, options.Loading, device, parts.OnBadImage);
        using NoiseAhead? ahead = NoiseAhead.For(device, plan, positions => parts.Pass.DrawNoise(positions, setup.Source.Shape, device));
        TrainingLog.Started(
            setup.Logger, setup.Device.ToString(), setup.Device.CpuThreads, state.Data.Split.TrainingCount, setup.Source.Shape.ToString(),
            state.Parameters.ParameterCount, state.Step, options.Steps);
        setup.Model.Network.train();

        using (no_grad())
        {
            state.Parameters.Gradients.zero_(); // discard the gradients of a step that an error interrupted
        }

        parts.Ranks?.Begin(Note());
        using EpochSpans epochs = new(setup.Run, state.Data.Split.TrainingCount);
        while (true)
        {
            // Done? Several processes have agreed on it in the last step.
            StopReason? stop = state.Step >= options.Steps ? StopReason.Completed : parts.Ranks is { } all ? all.Stop : Stop();
            if (stop is { } reason)
            {
                return reason;
            }

            epochs.MoveTo(state.ImagesSeen);
            double learningRate;
            using (DisposeScope step = NewDisposeScope())
            {
                parts.Gauges.Meter.Begin(loader.WaitTime);

                // Gradients
                bool measuresNoise = state.Step > 0 && state.Step % options.Health.NoiseScaleEverySteps == 0;
                Action<ImageBatch, Conditioning>? beforeFirst = measuresNoise ? MeasureNoiseScale : null;
                Tensor? batchLoss = parts.Ranks is { } together
                    ? together.Accumulate(loader, ahead, parts.Pass, beforeFirst, Note)
                    : parts.Pass.AccumulateStep(loader, ahead, state.Parameters, batchSize, microBatchSize, beforeFirst, cancellationToken);

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
            parts.Ranks?.CheckWeights();

            // Held-out loss
            if (parts.HeldOut is { } heldOut && (state.Step % options.HoldOutEverySteps == 0 || state.Step == options.Steps))
            {
                parts.WholeAverages?.Gather(Math.Min(1, state.Averages.Count));
                state.HeldOutLoss = heldOut.Measure(microBatchSize, parts.Ranks is null ? cancellationToken : CancellationToken.None);
                parts.WholeAverages?.Release();
                state.HeldOutStep = state.Step;
                TrainingLog.HeldOut(setup.Logger, state.Step, state.HeldOutLoss.Value);
                parts.Gauges.EndPause("the held-out loss", options.HoldOutEverySteps, alsoAtEnd: true);
            }

            // Status
            if (state.Step % options.ReportEverySteps == 0 || state.Step == options.Steps)
            {
                ahead?.Rest(); // the report counts the live tensors
                parts.Ranks?.Sum(parts.Gauges.Meter.Losses.Sums);
                IReadOnlyList<HealthFinding> found = parts.Reporter.Report(learningRate, setup.Time.GetElapsedTime(began),
                    parts.Ranks?.BadImages ?? loader.BadImages);
                parts.Gauges.EndPause("a progress observer", options.ReportEverySteps, alsoAtEnd: true);
                if (HasDiverged(found))
                {
                    return null;
                }
            }

            // Samples of all processes together, then previews, for which the others wait
            samples.Take(cancellationToken);
            previews.Call(cancellationToken);

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

            if (parts.Ranks is { FirstPauses: true } waiting)
            {
                waiting.ServeFirst();
            }
        }

        StopReason? Stop() => cancellationToken.IsCancellationRequested ? StopReason.Canceled
            : setup.Time.GetElapsedTime(began) >= options.TimeLimit ? StopReason.TimeLimit
            : null;

        StepNote Note() => new(state.NextLearningRate, Stop(), loader.BadImages, PausesAfter(state.Step + 1));
    }

    // Whether this process has work after a step that may take long.
    private bool PausesAfter(long step) => samples.AreDue(step) || previews.AreDue(step)
        || (parts.Folder is not null && (step % options.CheckpointEverySteps == 0 || step % options.EmaSnapshotEverySteps == 0));

    // Returns true to roll back; throws to end the run. The findings of rank 0 decide for all processes.
    private bool HasDiverged(IReadOnlyList<HealthFinding> found)
    {
        HealthFinding? divergence = found.FirstOrDefault(finding => finding.Kind == FindingKind.Diverged);
        DivergencePolicy policy = divergence is null ? DivergencePolicy.Report : options.Health.OnDivergence;
        if (parts.Ranks is { } ranks)
        {
            ranks.WaitForFirst();
            policy = (DivergencePolicy)ranks.OfFirst((long)policy);
        }

        return policy switch
        {
            DivergencePolicy.Report => false,
            DivergencePolicy.RollBack when state.Rollbacks < Rollback.MaxCount => true,
            _ => throw new TrainingDivergedException(
                divergence is null ? "The loss diverged on rank 0." : $"{divergence.Seen} {divergence.Meaning} {divergence.Remedy}"),
        };
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
        if (reason != StopReason.Canceled && options.EmaSnapshotEverySteps is not null)
        {
            parts.Folder?.SaveEmaSnapshots(state);
        }

        parts.Folder?.Save(state);
        parts.Ranks?.ServeFirst();
        parts.WholeAverages?.Gather(state.Averages.Count);
        parts.Reporter.End();
        TrainingLog.Ended(setup.Logger, state.Step, reason);
        TrainingResult result = new()
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
        Observe(observer => observer.End(new RunEnd(state.Step, result, Error: null)));
        parts.Reporter.End(); // an observer may have failed
        return result with { Findings = [.. parts.Reporter.Findings] };
    }

    /// <summary>Tells the observers that an exception ends the run.</summary>
    public void ObserveError(Exception error) => Observe(observer => observer.End(new RunEnd(state.Step, Result: null, error)));

    private void Observe(Action<IRunObserver> call)
    {
        foreach (IRunObserver observer in setup.RunObservers)
        {
            parts.Reporter.Shield("run observer", () => call(observer));
        }
    }
}
