using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Trains a diffusion model. <see cref="Run"/> is one loop over public parts (<see cref="SampleOrder"/>, <see cref="BatchReader"/>,
/// <see cref="DenoisingObjective"/>, <see cref="ParameterUpdate"/>, <see cref="EmaWrapper"/>, <see cref="CheckpointStore"/>), so that an
/// application which needs another loop writes its own with them.
/// </summary>
public sealed class Trainer : IDisposable
{
    private const long MostSkippedInARow = 8;

    private readonly TrainerSetup setup;
    private readonly TrainingOptions options;
    private readonly SeedStream seeds;
    private readonly TrainingState state;
    private readonly IDiffusionModel? twin;
    private readonly Denoiser denoiser;
    private readonly Denoiser emaDenoiser;
    private readonly DenoisingObjective objective;
    private readonly BatchReader reader;
    private readonly HeldOutSplit split;
    private readonly HeldOutLoss? heldOut;
    private readonly CheckpointStore? store;
    private readonly MetricsFile? metrics;
    private readonly IReadOnlyList<IProgress<TrainingProgress>> observers;
    private readonly TrainingMeter meter;
    private double? lastHeldOutLoss;
    private double? lastLoss;
    private string? lastCheckpoint;
    private long savedStep;
    private int running;
    private bool disposed;

    internal Trainer(TrainerSetup setup)
    {
        this.setup = setup;
        options = setup.Options;
        seeds = new SeedStream(options.Seed);
        reader = new BatchReader(setup.Source);
        reader.Inspect();
        store = options.RunFolder is { } folder ? new CheckpointStore(Path.Combine(folder, "checkpoints"), options.KeepCheckpoints) : null;
        metrics = options.RunFolder is { } run ? new MetricsFile(run) : null;
        observers = metrics is null ? setup.Observers : [metrics, .. setup.Observers];

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
        heldOut = split.HeldOutCount == 0 ? null : new HeldOutLoss(emaDenoiser, reader, split, seeds);
        meter = new TrainingMeter(setup.Time, state.Update);
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
        SampleOrder order = new(seeds, split.TrainingCount);
        int batchSize = options.BatchSize;
        int microBatchSize = options.MicroBatchSize ?? batchSize;
        long[] positions = new long[microBatchSize];
        long[] samples = new long[microBatchSize];
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
                meter.Begin();

                // Gradients: each micro-batch adds its share of the batch's mean.
                Tensor batchLoss = zeros([], ScalarType.Float32, device);
                for (int first = 0; first < batchSize; first += microBatchSize)
                {
                    using DisposeScope microBatch = NewDisposeScope();
                    for (int i = 0; i < microBatchSize; i++)
                    {
                        positions[i] = state.ImagesSeen + first + i;
                        samples[i] = split.TrainingIndexAt(order.IndexAt(positions[i]));
                    }

                    using ImageBatch batch = reader.Read(samples);
                    Tensor clean = batch.Pixels.to(device); // [B, C, H, W]
                    Conditioning conditioning = batch.ConditioningOf(setup.Model, device);
                    Tensor share = Backward(clean, conditioning, positions, (double)microBatchSize / batchSize);
                    batchLoss.add_(share);
                }

                // Weights: clip, optimizer, average, zero.
                learningRate = state.LearningRate.At(state.Step, options.Steps);
                state.Update.Apply(state.Step + 1, learningRate);
                state.Step++;
                state.ImagesSeen += batchSize;
                meter.End(batchLoss, batchSize);
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
                Report(learningRate, setup.Time.GetElapsedTime(began));
            }

            // Previews
            foreach (TrainerSetup.Preview preview in setup.Previews.Where(preview => state.Step % preview.EverySteps == 0))
            {
                Shield("preview", () => preview.Action(new TrainingPreview(state.Step, emaDenoiser)));
            }

            // Checkpoint
            if (state.Step % options.CheckpointEverySteps == 0)
            {
                Save();
            }
        }
    }

    private Tensor Backward(Tensor clean, Conditioning conditioning, long[] positions, double share)
    {
        if (!setup.Model.DrawsRandomNumbers)
        {
            return Backward();
        }

        // Dropout draws from the process's one generator: seeded for each micro-batch, and held meanwhile.
        using (GlobalGenerator.Hold(seeds.Derive(RandomPurpose.Dropout, positions[0])))
        {
            return Backward();
        }

        Tensor Backward()
        {
            Tensor loss = objective.Loss(clean, conditioning, positions) * share;
            loss.backward();
            return loss.detach();
        }
    }

    private void Report(double learningRate, TimeSpan elapsed)
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
            EmaDecay = state.Ema?.DecayAt(state.Step),
            ImagesPerSecond = reading.ImagesPerSecond,
            Elapsed = elapsed,
            Remaining = TimeSpan.FromSeconds(Math.Clamp(secondsLeft, 0, TimeSpan.MaxValue.TotalSeconds / 2)),
            HeldOutLoss = lastHeldOutLoss,
            SkippedSteps = reading.Skipped,
        };
        lastLoss = progress.Loss;
        TrainingLog.Progress(setup.Logger, progress.Step, progress.Loss, progress.GradientNorm, progress.LearningRate, progress.ImagesPerSecond);
        foreach (IProgress<TrainingProgress> observer in observers)
        {
            Shield("progress observer", () => observer.Report(progress));
        }

        if (reading.SkippedInARow > 0)
        {
            TrainingLog.Skipped(setup.Logger, reading.Skipped);
        }

        if (reading.SkippedInARow >= MostSkippedInARow)
        {
            throw new TrainingDivergedException(
                $"The gradients of the last {reading.SkippedInARow} steps before step {state.Step} were infinite or not a number, "
                + $"at learning rate {learningRate:G3}. The weights are those of the last good step. "
                + "Lower the learning rate (divide it by 3), lengthen the warm-up, or lower GradientClip.");
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

    // What others hang onto a run must not end it.
    private void Shield(string what, Action action)
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

    private TrainingResult Result(StopReason reason) => new()
    {
        StopReason = reason,
        Step = state.Step,
        ImagesSeen = state.ImagesSeen,
        Loss = lastLoss,
        EmaDenoiser = emaDenoiser,
        Denoiser = denoiser,
        Checkpoint = lastCheckpoint,
    };
}
