using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Trains a diffusion model. <see cref="Run"/> is one loop over public parts (<see cref="BatchLoader"/>,
/// <see cref="DenoisingObjective"/>, <see cref="ParameterUpdate"/>, <see cref="EmaWrapper"/>, <see cref="CheckpointStore"/>), so that an
/// application which needs another loop writes its own with them.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly RunGuard guard = new();
    private readonly TrainerSetup setup;
    private readonly TrainingOptions options;
    private readonly TrainingParts parts;
    private readonly TrainingState state;
    private readonly TrainedNetworks.Use claim;

    internal Trainer(TrainerSetup setup)
    {
        this.setup = setup;
        options = setup.Options;
        claim = TrainedNetworks.Claim(setup.Model.Network, this);
        try
        {
            parts = new TrainingParts(setup, OnBadImage);
            state = parts.State;
            foreach (EmaWrapper average in state.Averages)
            {
                average.Hold = guard.Hold;
            }

            TrainingLog.Images(setup.Logger, setup.Source.Report.ToString(setup.Source.Description));
            Warnings =
            [
                .. OptionWarnings.Of(options, setup.Schedule, state.Data.Split.TrainingCount,
                    state.Parameters.Layout.Entries.Sum(entry => entry.Length), (setup.Model as UNet2D)?.Options.Dropout ?? 0),
                .. SourceWarnings.Of(setup.Source),
                .. ImageWarnings.Of(setup.Images, setup.Source, setup.Model.ClassCount),
                .. PipelineWarnings.Of(setup, state.Data.Split.HeldOutCount),
                .. parts.Folder?.Warnings ?? [],
                .. state.Step > 0
                    ? []
                    : NetworkWarnings.Of(parts.Denoiser, setup.Source.Shape, options.MicroBatchSize ?? options.BatchSize),
            ];
            foreach (TrainingWarning warning in Warnings)
            {
                TrainingLog.Unusual(setup.Logger, warning);
            }
        }
        catch
        {
            parts?.Dispose(); // A logger or a network that throws must not leave the folder locked.
            TrainedNetworks.Release(setup.Model.Network, claim, hasRawWeights: null);
            throw;
        }
    }

    /// <summary>
    /// What is possible but unusual about this run, each with what usually follows from it and what to use instead; also logged.
    /// </summary>
    public IReadOnlyList<TrainingWarning> Warnings { get; }

    /// <summary>Optimizer steps made so far.</summary>
    public long Step => state.Step;

    /// <summary>Images seen so far, repeats counted.</summary>
    public long ImagesSeen => state.ImagesSeen;

    /// <summary>
    /// The model with the averaged weights (its own where there is no average). Other threads may sample it while training goes on: each
    /// call of <see cref="Denoiser.Denoise"/> sees the average after one whole step, the next call that after a later one. Valid until this
    /// trainer is disposed, which waits for the call in flight.
    /// </summary>
    public Denoiser EmaDenoiser => parts.EmaDenoiser;

    /// <summary>
    /// The model with the weights of its last step, which are noisy: for comparisons. Otherwise as <see cref="EmaDenoiser"/>; its
    /// <see cref="Denoiser.Model"/> is the model that was given to <see cref="For"/>.
    /// </summary>
    public Denoiser RawDenoiser => parts.Denoiser;

    /// <summary>
    /// The average of <see cref="TrainingOptions.EmaDecay"/>, which this trainer updates and frees; null where there is none.
    /// </summary>
    public EmaWrapper? Ema => state.Averages.Count == 0 ? null : state.Averages[0];

    /// <summary>Begins to put a trainer together.</summary>
    /// <param name="model">
    /// The model to train; it stays the caller's. It is the trainer's until that is disposed, and then holds the weights of the last step,
    /// or the averaged ones after <see cref="EndWithAverages"/>.
    /// </param>
    public static TrainerBuilder For(IDiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new TrainerBuilder(model);
    }

    /// <summary>
    /// Copies the averaged weights (the model's own where there is no average) into a model of its own, which lives until it is disposed.
    /// It may be called from any thread while training goes on, which waits meanwhile between two steps.
    /// </summary>
    /// <returns>The copy; it belongs to the caller. It takes the memory of the weights once more.</returns>
    /// <exception cref="ObjectDisposedException">This trainer was disposed.</exception>
    public DenoiserSnapshot SnapshotEma() => DenoiserSnapshot.Of(EmaDenoiser, () => state.Step);

    /// <summary>
    /// Disposes this trainer and leaves the averaged weights in the model, in evaluation mode: to sample or save it, or to train it
    /// further. The checkpoints keep both kinds of weights.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is running, or averaged weights are swapped in; nothing was changed.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void EndWithAverages()
    {
        ObjectDisposedException.ThrowIf(!guard.TryEnd(), this);
        using (WeightLock.Pass pass = state.Gate.Write())
        using (no_grad())
        {
            if (Ema is { } average)
            {
                state.Parameters.Values.copy_(average.Average);
            }
        }

        setup.Model.Network.eval();
        Free(hasRawWeights: false);
    }

    /// <summary>
    /// Trains until all steps are made, the time limit passes, or the token is cancelled; then saves. Called again, it goes on.
    /// </summary>
    /// <param name="cancellationToken">
    /// Ends the run between two steps, or in a wait for images. That is no error: the result says so.
    /// </param>
    /// <returns>How it ended; its denoisers live as long as this trainer.</returns>
    /// <exception cref="TrainingDivergedException">
    /// Gradients stayed infinite or not a number, or the loss diverged and <see cref="HealthOptions.OnDivergence"/> ends the run.
    /// </exception>
    /// <exception cref="CheckpointException">A checkpoint could not be saved.</exception>
    /// <exception cref="ImageDataException">An image cannot be read or lies outside [-1, 1].</exception>
    /// <exception cref="InvalidOperationException">It is running already.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public TrainingResult Run(CancellationToken cancellationToken = default)
    {
        guard.Enter();
        return RunToEnd(cancellationToken);
    }

    /// <summary><see cref="Run"/> on a thread of its own. It runs from this call on.</summary>
    /// <inheritdoc cref="Run"/>
    public Task<TrainingResult> RunAsync(CancellationToken cancellationToken = default)
    {
        guard.Enter();
        return Task.Factory.StartNew(() => RunToEnd(cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>
    /// Frees the training state and the averages, once the calls of its denoisers in flight have ended; later ones throw
    /// <see cref="ObjectDisposedException"/>. The model that was trained keeps the weights of its last step.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is running, or averaged weights are swapped in; nothing was freed.</exception>
    public void Dispose()
    {
        if (guard.TryEnd())
        {
            // Without an average the weights of the last step are all there is.
            Free(hasRawWeights: state.Step == 0 ? null : state.Averages.Count > 0);
        }
    }

    private void Free(bool? hasRawWeights)
    {
        foreach (EmaWrapper average in state.Averages)
        {
            average.Hold = null;
        }

        parts.Dispose();
        TrainedNetworks.Release(setup.Model.Network, claim, hasRawWeights);
    }

    private TrainingResult RunToEnd(CancellationToken cancellationToken)
    {
        try
        {
            long began = setup.Time.GetTimestamp();
            using GradientCheckpointingScope again = new(setup.Model, options);
            parts.Reporter.Begin();
            if (options.Health.OnDivergence == DivergencePolicy.RollBack)
            {
                parts.Folder!.SaveFirst(state); // There must be somewhere to go back to.
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
            // Within a step, in a wait for images: nothing of that step is kept.
            return End(StopReason.Cancelled);
        }
        catch (TrainingDivergedException error) when (error.WeightsAreGood)
        {
            parts.Folder?.TrySave(state);
            throw;
        }
        finally
        {
            guard.Leave();
        }
    }

    // Returns null where the run has diverged and is to go back to its last checkpoint.
    private StopReason? Loop(long began, CancellationToken cancellationToken)
    {
        Device device = setup.Device.Activate();
        int batchSize = options.BatchSize;
        int microBatchSize = options.MicroBatchSize ?? batchSize;
        BatchPlan plan = new() { StepSize = batchSize, BatchSize = microBatchSize, Start = state.ImagesSeen };
        using BatchLoader loader = new(setup.Source, state.Data.Order(), plan, parts.Seeds, options.Loading, device, OnBadImage);
        TrainingLog.Started(
            setup.Logger, setup.Device.ToString(), setup.Device.CpuThreads, state.Data.Split.TrainingCount, setup.Source.Shape.ToString(),
            state.Parameters.Layout.Entries.Sum(entry => entry.Length), state.Step, options.Steps);
        setup.Model.Network.train();

        using (no_grad())
        {
            state.Parameters.Gradients.zero_(); // what a step left half done when an error ended the run must not count twice now
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

                // Gradients: each micro-batch adds its share of the batch's mean.
                Tensor batchLoss = zeros([], ScalarType.Float32, device);
                int trained = 0;
                for (int first = 0; first < batchSize; first += microBatchSize)
                {
                    using DisposeScope microBatch = NewDisposeScope();
                    using ImageBatch batch = loader.Next(cancellationToken);
                    if (batch.Positions.IsEmpty)
                    {
                        continue; // all of its images were bad, and skipped
                    }

                    Conditioning conditioning = batch.ConditioningOf(setup.Model, device);
                    if (first == 0 && state.Step > 0 && state.Step % options.Health.NoiseScaleEverySteps == 0)
                    {
                        MeasureNoiseScale(batch, conditioning);
                    }

                    batchLoss.add_(parts.Gradients.Run(
                        batch.Positions.Span[0],
                        () => parts.Objective.Loss(batch.Pixels, conditioning, batch.Positions.Span)
                            .Times((double)microBatchSize / batchSize)));
                    trained += microBatchSize;
                }

                // The mean is over the micro-batches that had images.
                if (trained > 0 && trained < batchSize)
                {
                    using IDisposable noGradients = no_grad();
                    state.Parameters.Gradients.MultiplyBy((double)batchSize / trained);
                    batchLoss.MultiplyBy((double)batchSize / trained);
                }

                // The gradients of each block, where the step is reported
                bool reports = (state.Step + 1) % options.ReportEverySteps == 0 || state.Step + 1 == options.Steps;
                if (reports)
                {
                    parts.Gauges.Blocks.Measure(state.Parameters.Gradients);
                }

                // Weights: clip, optimizer, average, zero.
                learningRate = state.NextLearningRate;
                using (state.Gate.Write())
                {
                    if (trained > 0)
                    {
                        state.Update.Apply(state.Step + 1, learningRate);
                    }

                    state.Step++;
                    state.ImagesSeen += batchSize;
                }

                parts.Gauges.Meter.End(trained > 0 ? batchLoss : null, batchSize, loader.WaitTime);
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
                    bool goesOn = options.Health.OnDivergence == DivergencePolicy.RollBack && state.Rollbacks < TrainingState.MaxRollbacks;
                    return goesOn
                        ? null
                        : throw new TrainingDivergedException($"{divergence.Seen} {divergence.Meaning} {divergence.Remedy}");
                }
            }

            // Previews
            foreach (TrainerSetup.Preview preview in setup.Previews.Where(preview => state.Step % preview.EverySteps == 0))
            {
                TrainingPreview made = new(state.Step, parts.EmaDenoiser, cancellationToken) { OnSamples = parts.Reporter.TakeSamples };
                parts.Reporter.Shield("preview", () => preview.Action(made), cancellationToken);
                parts.Gauges.EndPause("a preview", preview.EverySteps);
            }

            // Checkpoint: training waits for the copy of its state, and goes on while that is saved.
            parts.Folder?.Poll();
            if (state.Step % options.CheckpointEverySteps == 0)
            {
                parts.Folder?.BeginSave(state);
                parts.Gauges.EndPause("a checkpoint", options.CheckpointEverySteps);
            }
        }
    }

    // The micro-batch in two parts, whose gradients are forgotten again.
    private void MeasureNoiseScale(ImageBatch batch, Conditioning conditioning)
    {
        int images = batch.Positions.Length;
        if (images < 2)
        {
            return;
        }

        parts.Gauges.NoiseScale.Measure(images, (from, to, share) =>
        {
            Tensor pixels = batch.Pixels.narrow(0, from, to - from);
            Conditioning labels = conditioning.ClassLabels is { } all
                ? new Conditioning { ClassLabels = all.narrow(0, from, to - from) }
                : conditioning;
            ReadOnlyMemory<long> positions = batch.Positions[from..to];
            parts.Gradients.Run(positions.Span[0], () => parts.MeasuringObjective.Loss(pixels, labels, positions.Span).Times(share));
        });
    }

    private void OnBadImage(BadImage image)
    {
        TrainingLog.BadImage(setup.Logger, image.Name, image.Reason);
        parts.Reporter.Shield("list of bad images", () => parts.Folder?.BadImages.Add(image));
    }

    private TrainingResult End(StopReason reason)
    {
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
