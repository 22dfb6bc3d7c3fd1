using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Trains a diffusion model. <see cref="Run"/> is one loop over public parts (<see cref="ISampleOrder"/>, <see cref="BatchLoader"/>,
/// <see cref="DenoisingObjective"/>, <see cref="ParameterUpdate"/>, <see cref="EmaWrapper"/>, <see cref="CheckpointStore"/>), so that an
/// application which needs another loop writes its own with them.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainerSetup setup;
    private readonly TrainingOptions options;
    private readonly SeedStream seeds;
    private readonly TrainingState state;
    private readonly IDiffusionModel? twin;
    private readonly Denoiser denoiser;
    private readonly Denoiser emaDenoiser;
    private readonly DenoisingObjective objective;
    private readonly HeldOutSplit split;
    private readonly TrainingOrder order;
    private readonly HeldOutLoss? heldOut;
    private readonly CheckpointStore? store;
    private readonly MetricsFile? metrics;
    private readonly BadImageFile? badImages;
    private readonly TrainingMeter meter;
    private readonly ProgressReporter reporter;
    private double? lastHeldOutLoss;
    private string? lastCheckpoint;
    private long savedStep;
    private int running;
    private bool disposed;

    internal Trainer(TrainerSetup setup)
    {
        this.setup = setup;
        options = setup.Options;
        seeds = new SeedStream(options.Seed);
        BatchReader reader = new(setup.Source);
        reader.Inspect(largestBadShare: options.Loading.BadImages == BadImagePolicy.Throw ? 0 : options.Loading.LargestBadShare);
        store = options.RunFolder is { } folder ? new CheckpointStore(Path.Combine(folder, "checkpoints"), options.KeepCheckpoints) : null;
        metrics = options.RunFolder is { } run ? new MetricsFile(run) : null;
        badImages = options.RunFolder is { } place ? new BadImageFile(place) : null;

        // The optimizer comes after the move, which replaces the parameters.
        setup.Model.Network.to(setup.Device.Activate());
        state = new TrainingState(setup);
        denoiser = new Denoiser(setup.Model, setup.Schedule, options.Prediction);
        emaDenoiser = denoiser;
        if (state.Ema is { } ema)
        {
            twin = setup.Model.CreateTwin();
            state.Parameters.Layout.Bind(twin.Network, ema.Average);
            twin.Network.eval();
            emaDenoiser = new Denoiser(twin, setup.Schedule, options.Prediction);
        }

        objective = new DenoisingObjective(denoiser, seeds);
        split = new HeldOutSplit(setup.Source.Count, options.HoldOutFraction, seeds);
        order = new TrainingOrder(setup.Source, split, seeds, options.Loading, options.BatchSize);
        heldOut = split.HeldOutCount == 0 ? null : new HeldOutLoss(
            emaDenoiser, reader, split, seeds, options.Loading.BadImages == BadImagePolicy.Throw ? null : OnBadImage);
        meter = new TrainingMeter(setup.Time, state.Update);
        reporter = new ProgressReporter(setup, state, meter, metrics is null ? setup.Observers : [metrics, .. setup.Observers]);
    }

    /// <summary>Optimizer steps made so far.</summary>
    public long Step => state.Step;

    /// <summary>Images seen so far, repeats counted.</summary>
    public long ImagesSeen => state.ImagesSeen;

    /// <summary>Begins to put a trainer together.</summary>
    /// <param name="model">The model to train; it stays the caller's, and holds the trained weights when the run has ended.</param>
    public static TrainerBuilder For(IDiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new TrainerBuilder(model);
    }

    /// <summary>
    /// Trains until all steps are made, the time limit passes, or the token is cancelled; then saves. Called again, it goes on.
    /// </summary>
    /// <param name="cancellationToken">Ends the run after the step in hand. That is no error: the result says so.</param>
    /// <returns>How it ended; its denoisers live as long as this trainer.</returns>
    /// <exception cref="TrainingDivergedException">Gradients stayed infinite or not a number.</exception>
    /// <exception cref="CheckpointException">A checkpoint could not be saved.</exception>
    /// <exception cref="ImageDataException">An image cannot be read or lies outside [-1, 1].</exception>
    public TrainingResult Run(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (Interlocked.Exchange(ref running, 1) == 1)
        {
            throw new InvalidOperationException("This trainer is running already. Wait for its end, or make another with a model of its own.");
        }

        try
        {
            return Loop(cancellationToken);
        }
        catch
        {
            // What a step left half done must not count twice when the run is taken up again.
            using IDisposable noGradients = no_grad();
            state.Parameters.Gradients.zero_();
            throw;
        }
        finally
        {
            running = 0;
        }
    }

    /// <summary><see cref="Run"/> on a thread of its own.</summary>
    /// <inheritdoc cref="Run"/>
    public Task<TrainingResult> RunAsync(CancellationToken cancellationToken = default) =>
        Task.Factory.StartNew(() => Run(cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Frees the training state and the averaged model. The model that was trained stays usable.</summary>
    public void Dispose()
    {
        disposed = true;
        meter.Dispose();
        twin?.Dispose();
        state.Dispose();
    }

    /// <summary>Goes on from the newest checkpoint, or starts from given weights where there is none.</summary>
    internal void Begin()
    {
        IReadOnlyList<string> changes = [];
        if (store is not null && store.LoadLatest(checkpoint => changes = state.Restore(checkpoint)))
        {
            lastCheckpoint = store.Latest;
            savedStep = state.Step;
            metrics?.CutAfter(state.Step);
            TrainingLog.Resumed(setup.Logger, lastCheckpoint!, state.Step);
            if (changes.Count > 0)
            {
                TrainingLog.ChangedOnResume(setup.Logger, string.Join("; ", changes));
            }
        }
        else if (options.InitialWeights is { } file)
        {
            state.LoadInitialWeights(file);
        }
    }

    private TrainingResult Loop(CancellationToken cancellationToken)
    {
        long began = setup.Time.GetTimestamp();
        Device device = setup.Device.Activate();
        int batchSize = options.BatchSize;
        int microBatchSize = options.MicroBatchSize ?? batchSize;
        BatchPlan plan = new() { StepSize = batchSize, BatchSize = microBatchSize, Start = state.ImagesSeen };
        using BatchLoader loader = new(setup.Source, order, plan, seeds, options.Loading, device, OnBadImage);
        TrainingLog.Started(
            setup.Logger, setup.Device.ToString(), setup.Device.CpuThreads, split.TrainingCount, setup.Source.Shape.ToString(),
            state.Parameters.Layout.Entries.Sum(entry => entry.Length), state.Step, options.Steps);
        setup.Model.Network.train();

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
                Save();
                TrainingLog.Ended(setup.Logger, state.Step, reason);
                return Result(reason);
            }

            double learningRate;
            using (DisposeScope step = NewDisposeScope())
            {
                meter.Begin(loader.Waited);

                // Gradients: each micro-batch adds its share of the batch's mean.
                Tensor batchLoss = zeros([], ScalarType.Float32, device);
                for (int first = 0; first < batchSize; first += microBatchSize)
                {
                    using DisposeScope microBatch = NewDisposeScope();
                    using ImageBatch batch = loader.Next(CancellationToken.None);
                    Conditioning conditioning = batch.ConditioningOf(setup.Model, device);
                    Tensor share = Backward(batch.Pixels, conditioning, batch.Positions, (double)microBatchSize / batchSize);
                    batchLoss.add_(share);
                }

                // Weights: clip, optimizer, average, zero.
                learningRate = state.LearningRate.At(state.Step, options.Steps);
                state.Update.Apply(state.Step + 1, learningRate);
                state.Step++;
                state.ImagesSeen += batchSize;
                meter.End(batchLoss, batchSize, loader.Waited);
            }

            // Held-out loss
            if (heldOut is not null && (state.Step % options.HoldOutEverySteps == 0 || state.Step == options.Steps))
            {
                lastHeldOutLoss = heldOut.Measure(microBatchSize);
                TrainingLog.HeldOut(setup.Logger, state.Step, lastHeldOutLoss.Value);
            }

            // Status
            if (state.Step % options.ReportEverySteps == 0 || state.Step == options.Steps)
            {
                reporter.Report(learningRate, setup.Time.GetElapsedTime(began), lastHeldOutLoss, loader.BadImages);
            }

            // Previews
            foreach (TrainerSetup.Preview preview in setup.Previews.Where(preview => state.Step % preview.EverySteps == 0))
            {
                reporter.Shield("preview", () => preview.Action(new TrainingPreview(state.Step, emaDenoiser)));
            }

            // Checkpoint
            if (state.Step % options.CheckpointEverySteps == 0)
            {
                Save();
            }
        }
    }

    private Tensor Backward(Tensor clean, Conditioning conditioning, ReadOnlyMemory<long> positions, double share)
    {
        if (!setup.Model.DrawsRandomNumbers)
        {
            return Backward();
        }

        // Dropout draws from the process's one generator: seeded for each micro-batch, and held meanwhile.
        using (GlobalGenerator.Hold(seeds.Derive(RandomPurpose.Dropout, positions.Span[0])))
        {
            return Backward();
        }

        Tensor Backward()
        {
            Tensor loss = objective.Loss(clean, conditioning, positions.Span) * share;
            loss.backward();
            return loss.detach();
        }
    }

    private void Save()
    {
        if (store is not null && state.Step != savedStep)
        {
            lastCheckpoint = store.Save(state.Snapshot());
            savedStep = state.Step;
            TrainingLog.Saved(setup.Logger, lastCheckpoint);
        }
    }

    private void OnBadImage(BadImage image)
    {
        TrainingLog.BadImage(setup.Logger, image.Name, image.Reason);
        reporter.Shield("list of bad images", () => badImages?.Add(image));
    }

    private TrainingResult Result(StopReason reason) => new()
    {
        StopReason = reason,
        Step = state.Step,
        ImagesSeen = state.ImagesSeen,
        Loss = reporter.LastLoss,
        EmaDenoiser = emaDenoiser,
        Denoiser = denoiser,
        Checkpoint = lastCheckpoint,
    };
}
