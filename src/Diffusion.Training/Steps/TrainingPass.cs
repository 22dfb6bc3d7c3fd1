using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The forward and backward pass for one micro-batch, or for all micro-batches of a step. The noise level and the noise of an image depend
/// only on its position in the run, so the draws do not depend on the division into micro-batches, workers or processes.
/// </summary>
/// <remarks>
/// In a custom training loop, create <see cref="FlatParameters"/> for the network and call the network's <c>train()</c>. Then call
/// <see cref="Accumulate"/> and <see cref="ParameterUpdate.Apply"/> for each step.
/// </remarks>
public sealed class TrainingPass
{
    private readonly Denoiser denoiser;
    private readonly IObjective objective;
    private readonly SeedStream seeds;
    private readonly ObjectiveState? state;

    /// <summary>Combines the parts, which the caller owns.</summary>
    /// <param name="denoiser">The model to train, with its schedule and parameterization.</param>
    /// <param name="objective">The objective, for example <c>new Objective()</c>.</param>
    /// <param name="seeds">The seed stream of the run.</param>
    /// <param name="state">The parameters and state of the objective. Null, the default, for none.</param>
    public TrainingPass(Denoiser denoiser, IObjective objective, SeedStream seeds, ObjectiveState? state = null)
    {
        ArgumentNullException.ThrowIfNull(denoiser);
        ArgumentNullException.ThrowIfNull(objective);
        (this.denoiser, this.objective, this.seeds, this.state) = (denoiser, objective, seeds, state);
    }

    /// <summary>Observes each micro-batch; null for none.</summary>
    internal IPassObserver? Observer { get; init; }

    /// <summary>
    /// The number of successive images whose times are stratified, usually the images of a step: each of them gets a time from another of
    /// as many equal parts of the time law. This reduces the variance of the mean loss of a step. Null, the default, draws each time
    /// independently.
    /// </summary>
    public int? StratifyOver { get; init; }

    /// <summary>Whether losses are only measured, so that the objective remembers nothing of them. Default false.</summary>
    internal bool IsMeasurement { get; init; }

    /// <summary>Returns the noise level of each position.</summary>
    /// <param name="positions">The positions in the run.</param>
    public NoiseLevel[] DrawLevels(ReadOnlySpan<long> positions) => DrawLevels(positions, objective.TimesAfter(state));

    /// <summary>Returns the noise level at a quantile of the training distribution.</summary>
    /// <param name="quantile">The quantile, in [0, 1): the fraction of all trained noise levels below the result.</param>
    /// <exception cref="InvalidOperationException">The time law gives a time between two timesteps of a discrete schedule.</exception>
    public NoiseLevel LevelAt(double quantile) => objective.Times.LevelAt(quantile, denoiser.Schedule);

    /// <summary>Computes the loss of a micro-batch at its own noise levels and noise.</summary>
    /// <param name="clean">Images in [-1, 1], float32 <c>[B, C, H, W]</c>, on the device of the model.</param>
    /// <param name="conditioning">The class labels, if the model has classes.</param>
    /// <param name="positions">The position of each image in the run.</param>
    /// <returns>A scalar with its graph, which the caller disposes.</returns>
    public Tensor Loss(Tensor clean, Conditioning conditioning, ReadOnlySpan<long> positions)
    {
        ArgumentNullException.ThrowIfNull(clean);
        return Loss(clean, conditioning, positions, objective.TimesAfter(state));
    }

    /// <summary>Computes the loss of a micro-batch at the given noise levels, with the noise of its positions.</summary>
    /// <param name="clean">Images in [-1, 1], float32 <c>[B, C, H, W]</c>, on the device of the model.</param>
    /// <param name="conditioning">The class labels, if the model has classes.</param>
    /// <param name="levels">The noise level of each image.</param>
    /// <param name="positions">The position of each image in the run.</param>
    /// <returns>A scalar with its graph, which the caller disposes.</returns>
    public Tensor Loss(Tensor clean, Conditioning conditioning, IReadOnlyList<NoiseLevel> levels, ReadOnlySpan<long> positions)
    {
        ArgumentNullException.ThrowIfNull(clean);
        return Loss(clean, conditioning, levels, positions, drawnFrom: null);
    }

    /// <summary>
    /// Adds the gradients of a micro-batch to those of the network. In float16 they are multiplied by the <see cref="LossScale"/>.
    /// </summary>
    /// <remarks>An exception in a layer that is recomputed (gradient checkpointing) is rethrown unchanged.</remarks>
    /// <param name="clean">Images in [-1, 1], float32 <c>[B, C, H, W]</c>, on the device of the model.</param>
    /// <param name="conditioning">The class labels, if the model has classes.</param>
    /// <param name="positions">The position of each image in the run. The first one seeds dropout.</param>
    /// <param name="weight">
    /// The factor of the loss. With accumulation, the fraction of the batch that the micro-batch is. Default 1.
    /// </param>
    /// <returns>The loss multiplied by the weight, a scalar without a graph, which the caller disposes.</returns>
    public Tensor Backward(Tensor clean, Conditioning conditioning, ReadOnlyMemory<long> positions, double weight = 1) =>
        Backward(clean, conditioning, positions, weight, objective.TimesAfter(state));

    /// <summary>
    /// Computes the gradients of one step from its micro-batches: the gradients of the mean loss over all of its images that could be read.
    /// </summary>
    /// <param name="loader">Provides the micro-batches, on the device of the model.</param>
    /// <param name="parameters">Receive the gradients, which must be zero before.</param>
    /// <param name="batchSize">The number of images in the step.</param>
    /// <param name="microBatchSize">The number of images in a micro-batch; divides <paramref name="batchSize"/>.</param>
    /// <param name="beforeFirst">Called with the first micro-batch before its pass. Null, the default, for nothing.</param>
    /// <param name="cancellationToken">Ends a wait for images.</param>
    /// <returns>The mean loss, a scalar that the caller disposes; null if no image could be read.</returns>
    /// <exception cref="OperationCanceledException">The operation was canceled. The gradients cover only a part of the batch.</exception>
    public Tensor? Accumulate(
        BatchLoader loader, FlatParameters parameters, int batchSize, int microBatchSize,
        Action<ImageBatch, Conditioning>? beforeFirst = null, CancellationToken cancellationToken = default) =>
        AccumulateStep(loader, ahead: null, parameters, batchSize, microBatchSize, beforeFirst, cancellationToken);

    /// <summary>Computes the gradients of one step with noise that is drawn ahead.</summary>
    /// <param name="loader">Provides the micro-batches, on the device of the model.</param>
    /// <param name="ahead">Has the noise of the micro-batches of the loader; null to draw it here.</param>
    /// <param name="parameters">Receive the gradients, which must be zero before.</param>
    /// <param name="batchSize">The number of images in the step.</param>
    /// <param name="microBatchSize">The number of images in a micro-batch; divides <paramref name="batchSize"/>.</param>
    /// <param name="beforeFirst">Called with the first micro-batch before its pass; null for nothing.</param>
    /// <param name="cancellationToken">Ends a wait for images.</param>
    /// <returns>The mean loss, a scalar that the caller disposes; null if no image could be read.</returns>
    internal Tensor? AccumulateStep(
        BatchLoader loader, NoiseAhead? ahead, FlatParameters parameters, int batchSize, int microBatchSize,
        Action<ImageBatch, Conditioning>? beforeFirst, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(loader);
        ArgumentNullException.ThrowIfNull(parameters);
        using DisposeScope scope = NewDisposeScope();
        (Tensor mean, int images) = AccumulateShare(
            loader, ahead, parameters.Values.device, batchSize, batchSize, microBatchSize, beforeFirst, reducer: null, cancellationToken);
        if (images == 0)
        {
            return null;
        }

        if (images < batchSize)
        {
            using IDisposable noGradients = no_grad();
            parameters.Gradients.MultiplyBy((double)batchSize / images);
            mean.MultiplyBy((double)batchSize / images);
        }

        return mean.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Computes what a process contributes to the gradients of a step: those of the sum of the losses of its images, divided by the number
    /// of images of the step.
    /// </summary>
    /// <param name="loader">Provides the micro-batches of this process.</param>
    /// <param name="ahead">Has the noise of these micro-batches; null to draw it here.</param>
    /// <param name="device">The device of the model.</param>
    /// <param name="batchSize">The number of images in the step, over all processes.</param>
    /// <param name="share">The number of images of this process in the step.</param>
    /// <param name="microBatchSize">The number of images in a micro-batch; divides <paramref name="share"/>.</param>
    /// <param name="beforeFirst">Called with the first micro-batch before its pass; null for nothing.</param>
    /// <param name="reducer">Reduces gradients during the backward pass of the last micro-batch; null in a single process.</param>
    /// <param name="cancellationToken">Ends a wait for images.</param>
    /// <returns>The loss, a scalar that the caller disposes, and the number of images that could be read.</returns>
    internal (Tensor Loss, int Images) AccumulateShare(
        BatchLoader loader, NoiseAhead? ahead, Device device, int batchSize, int share, int microBatchSize,
        Action<ImageBatch, Conditioning>? beforeFirst, GradientReducer? reducer, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sum = zeros([], ScalarType.Float32, device);
        ITimeLaw law = objective.TimesAfter(state); // of the whole step, so that the split into micro-batches changes no time
        int images = 0;
        for (int first = 0; first < share; first += microBatchSize)
        {
            using DisposeScope microBatch = NewDisposeScope();
            using ImageBatch batch = loader.Next(cancellationToken);
            if (batch.Positions.IsEmpty)
            {
                continue; // none of its images could be read
            }

            Conditioning conditioning = batch.ConditioningOf(denoiser.Model, device);
            if (first == 0)
            {
                beforeFirst?.Invoke(batch, conditioning);
            }

            bool isLast = first + microBatchSize >= share;
            double weight = (double)batch.Positions.Length / batchSize;
            Tensor? noise = ahead?.Take(batch.Positions.Span);
            sum.Increase(Backward(batch.Pixels, conditioning, batch.Positions, weight, law, noise, isLast ? reducer : null));
            images += batch.Positions.Length;
        }

        return (sum.MoveToOuterDisposeScope(), images);
    }

    /// <summary>Draws the noise of a micro-batch. Any thread may call it.</summary>
    /// <param name="positions">The position of each image in the run.</param>
    /// <param name="shape">The shape of an image.</param>
    /// <param name="device">The device of the model.</param>
    /// <returns><c>[B, C, H, W]</c> on the CPU, in pinned memory for a CUDA device; it belongs to the caller.</returns>
    internal Tensor DrawNoise(ReadOnlySpan<long> positions, ImageShape shape, Device device)
    {
        Tensor noise = NormalNoise.Draw(seeds, RandomPurpose.Noise, positions, shape);
        if (device.type != DeviceType.CUDA)
        {
            return noise;
        }

        using (noise)
        {
            return noise.pin_memory();
        }
    }

    private Tensor Backward(Tensor clean, Conditioning conditioning, ReadOnlyMemory<long> positions, double weight, ITimeLaw law,
        Tensor? noise = null, GradientReducer? reducer = null)
    {
        if (!denoiser.Model.HasDropout)
        {
            return Run();
        }

        // Dropout draws from the process's one generator: seeded for each micro-batch, and held meanwhile.
        using (GlobalGenerator.Hold(seeds.Derive(RandomPurpose.Dropout, positions.Span[0])))
        {
            return Run();
        }

        Tensor Run()
        {
            using DisposeScope scope = NewDisposeScope();
            reducer?.BeginForward();
            Tensor loss = Loss(clean, conditioning, positions.Span, law, noise).Times(weight);
            reducer?.BeginBackward();
            try
            {
                (LossScale.Of(denoiser.Model.Network)?.Apply(loss) ?? loss).backward();
            }
            catch (ExternalException) when (denoiser.Model.Checkpointing?.RecomputationFailure is not null)
            {
                ExceptionDispatchInfo.Throw(denoiser.Model.Checkpointing!.RecomputationFailure!);
            }

            return loss.detach().MoveToOuterDisposeScope();
        }
    }

    private Tensor Loss(Tensor clean, Conditioning conditioning, ReadOnlySpan<long> positions, ITimeLaw law, Tensor? ahead = null) =>
        Loss(clean, conditioning, DrawLevels(positions, law), positions, law as ImportanceTimes, ahead);

    private Tensor Loss(Tensor clean, Conditioning conditioning, IReadOnlyList<NoiseLevel> levels, ReadOnlySpan<long> positions,
        ImportanceTimes? drawnFrom, Tensor? ahead = null)
    {
        using DisposeScope scope = NewDisposeScope();
        ImageShape shape = new((int)clean.shape[1], (int)clean.shape[2], (int)clean.shape[3]);
        Tensor noise = (ahead ?? DrawNoise(positions, shape, clean.device)).SendTo(clean.device); // [B, C, H, W]
        Observer?.Begin(levels);
        ObjectiveLoss made = objective.Loss(new ObjectiveInput(denoiser, clean, noise, levels, conditioning, state)
        {
            Seeds = seeds, Positions = positions.ToArray(), DrawnFrom = drawnFrom, IsMeasurement = IsMeasurement,
        });
        Observer?.End(made);
        return made.Loss.MoveToOuterDisposeScope(); // []
    }

    private NoiseLevel[] DrawLevels(ReadOnlySpan<long> positions, ITimeLaw law)
    {
        NoiseLevel[] levels = new NoiseLevel[positions.Length];
        for (int i = 0; i < levels.Length; i++)
        {
            levels[i] = law.LevelAt(QuantileAt(positions[i]), denoiser.Schedule);
        }

        return levels;
    }

    // Images come in random order, so that each meets every part of the law.
    private double QuantileAt(long position)
    {
        double drawn = seeds.Uniform(RandomPurpose.Timestep, position);
        return StratifyOver is { } count ? StratifiedQuantile.At(position, drawn, count) : drawn;
    }
}
