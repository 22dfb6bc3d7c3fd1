using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// A model with its schedule and parameterization. Losses and samplers see only this: training uses the raw prediction and its target,
/// sampling the estimate of the clean image and of the noise. The model stays the caller's.
/// </summary>
/// <remarks>
/// Several threads may sample at a time: a call reads the weights and changes neither them nor the network's mode. Each call of
/// <see cref="Denoise"/> on a trainer's denoiser sees the weights of one step. While the trainer runs, the next call may see those of a
/// later step; call <c>Trainer.SnapshotEma()</c> where one image must come from one set of weights. Disposing a model of this library, a
/// trainer or a snapshot waits for the calls in flight; later calls throw <see cref="ObjectDisposedException"/>. The owner of any other
/// model must dispose it after the last call.
/// </remarks>
public sealed class Denoiser : IDenoiser
{
    private readonly ForwardProcess forward;
    private readonly ImageShape? sampleShape;
    private readonly Lazy<IDiffusionModel> sampled;
    private readonly WeightLock? gate;
    private readonly bool hasParameters;

    /// <summary>Combines a model with its schedule and parameterization, and puts its network into evaluation mode.</summary>
    /// <remarks>
    /// A custom training loop calls <c>model.Network.train()</c> afterwards; <see cref="Predict(Tensor, Tensor, Conditioning?)"/> works in
    /// any mode.
    /// </remarks>
    /// <param name="model">The network; not disposed here.</param>
    /// <param name="schedule">How much noise there is at each time.</param>
    /// <param name="parameterization">
    /// What the network predicts, such as <see cref="Parameterization.Velocity"/>. Default null: epsilon.
    /// </param>
    /// <exception cref="InvalidOperationException">
    /// A trainer owns the network or has trained it, so that it holds the noisy weights of the last step: sample the trainer's
    /// <c>EmaDenoiser</c>.
    /// </exception>
    public Denoiser(IDiffusionModel model, INoiseSchedule schedule, IParameterization? parameterization = null)
        : this(model, new Lazy<IDiffusionModel>(model), schedule, parameterization ?? Diffusion.Parameterization.Epsilon,
            (model as IGuardedWeights)?.Gate)
    {
        TrainedNetworks.Refuse(model.Network);
        if (model.Network.training)
        {
            model.Network.eval();
        }
    }

    /// <summary>Creates a trainer's denoiser.</summary>
    /// <param name="model">The network that is trained, called by <c>Predict</c>.</param>
    /// <param name="sampled">
    /// A network in evaluation mode with the same weights, called by <see cref="Denoise"/>; created on the first call.
    /// </param>
    /// <param name="schedule">How much noise there is at each time.</param>
    /// <param name="parameterization">What the network predicts.</param>
    /// <param name="gate">Guards the weights.</param>
    internal Denoiser(IDiffusionModel model, Lazy<IDiffusionModel> sampled, INoiseSchedule schedule, IParameterization parameterization,
        WeightLock? gate)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(schedule);
        ArgumentNullException.ThrowIfNull(parameterization);
        TorchBackend.EnsureLoaded();
        Model = model;
        this.sampled = sampled;
        Schedule = schedule;
        Parameterization = parameterization;
        this.gate = gate;
        hasParameters = model.Network.parameters().Any();
        forward = new ForwardProcess(schedule);
    }

    /// <summary>The network.</summary>
    public IDiffusionModel Model { get; }

    /// <summary>How much noise there is at each time.</summary>
    public INoiseSchedule Schedule { get; }

    /// <summary>What the network predicts.</summary>
    public IParameterization Parameterization { get; }

    /// <summary>This denoiser itself.</summary>
    public Denoiser Source => this;

    /// <summary>
    /// The default shape of sampled images: that of <see cref="IDiffusionModel.SampleShape"/>, or for a trainer's denoisers that of the
    /// training images.
    /// </summary>
    public ImageShape? SampleShape { get => sampleShape ?? Model.SampleShape; init => sampleShape = value; }

    /// <summary>The device of the network's parameters; the CPU if it has none.</summary>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public Device Device
    {
        get
        {
            using WeightLock.Pass pass = Enter();
            return FirstParameter(Model)?.device ?? CPU;
        }
    }

    /// <summary>Whether the last class of the network means "no class", as label dropout trains it.</summary>
    internal bool IsTrainedForGuidance { get; init; }

    /// <summary>The network that is sampled: the model, or in a trainer a twin with the same weights.</summary>
    internal IDiffusionModel Sampled => sampled.Value;

    /// <summary>Noisy images for training, at timesteps of a discrete schedule.</summary>
    /// <inheritdoc cref="ForwardProcess.AddNoise(Tensor, Tensor, Tensor)"/>
    public Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => forward.AddNoise(clean, noise, timesteps);

    /// <summary>
    /// The target of <see cref="Predict(Tensor, Tensor, Conditioning?)"/>, at timesteps of a discrete schedule.
    /// </summary>
    /// <inheritdoc cref="ForwardProcess.AddNoise(Tensor, Tensor, Tensor)"/>
    public Tensor Target(Tensor clean, Tensor noise, Tensor timesteps)
    {
        Guard.ImagesWithNoise(clean, noise);
        return Target(clean, noise, forward.LevelsAt(timesteps, clean.shape[0]));
    }

    /// <summary>The target of <see cref="Predict(Tensor, IReadOnlyList{NoiseLevel}, Conditioning?)"/>.</summary>
    /// <inheritdoc cref="ForwardProcess.AddNoise(Tensor, Tensor, IReadOnlyList{NoiseLevel})"/>
    public Tensor Target(Tensor clean, Tensor noise, IReadOnlyList<NoiseLevel> levels)
    {
        Guard.ImagesWithNoise(clean, noise);
        Guard.Levels(levels, clean.shape[0]);
        Scalings[] scalings = [.. levels.Select(Parameterization.At)];
        return scalings.All(s => s is { TargetClean: 0, TargetNoise: 1 }) ? noise.alias()
            : scalings.All(s => s is { TargetClean: 1, TargetNoise: 0 }) ? clean.alias()
            : ForwardProcess.Mix(clean, scalings.Select(s => s.TargetClean), noise, scalings.Select(s => s.TargetNoise));
    }

    /// <summary>The network's raw prediction for training, at timesteps of a discrete schedule.</summary>
    /// <param name="noisy">Noisy images <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="timesteps">int64 <c>[B]</c>, each in [0, T-1]; best on the CPU, they are moved.</param>
    /// <param name="conditioning">Class labels where the model has classes; null for none.</param>
    /// <returns><c>[B, C, H, W]</c>; it belongs to the caller.</returns>
    /// <exception cref="ArgumentException">Timesteps are not int64, not one per image, or outside [0, T-1].</exception>
    /// <exception cref="InvalidOperationException">
    /// The network returned another shape than its input, or the schedule has no timesteps.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public Tensor Predict(Tensor noisy, Tensor timesteps, Conditioning? conditioning)
    {
        Guard.Images(noisy, nameof(noisy));
        return Predict(noisy, forward.LevelsAt(timesteps, noisy.shape[0]), conditioning);
    }

    /// <summary>The network's raw prediction for training: gradients flow, dropout is as the network's mode says.</summary>
    /// <param name="noisy">Noisy images <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="levels">The noise level of each.</param>
    /// <param name="conditioning">Class labels where the model has classes; null for none.</param>
    /// <returns><c>[B, C, H, W]</c>; it belongs to the caller.</returns>
    /// <exception cref="ArgumentException">There is not one level for each image.</exception>
    /// <exception cref="InvalidOperationException">The network returned another shape than its input.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public Tensor Predict(Tensor noisy, IReadOnlyList<NoiseLevel> levels, Conditioning? conditioning) =>
        PredictRaw(noisy, levels, conditioning, mayPredictVariance: false);

    /// <summary>The estimate of the clean images and of the noise: without gradients and without dropout.</summary>
    /// <remarks>
    /// A network of another dtype is called in its own. The network's mode does not change. A network that returns twice the channels
    /// predicts the variance in the second half.
    /// </remarks>
    /// <param name="noisy">Noisy images, all at one level, floating point <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="level">Their noise level.</param>
    /// <param name="conditioning">Class labels where the model has classes; null for none.</param>
    /// <returns>
    /// Both estimates, in the dtype of <paramref name="noisy"/>; they belong to the caller. The clean image is not clipped.
    /// </returns>
    /// <exception cref="ArgumentException">At this level the prediction does not determine the clean image.</exception>
    /// <exception cref="InvalidOperationException">
    /// The network returned another shape than its input, or was put into training mode.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        Guard.Images(noisy, nameof(noisy));
        Scalings scalings = Parameterization.At(level);
        CheckSolvable(scalings);
        IDiffusionModel network = Sampled; // Created before the lock is taken: its creation takes the generator first, then the lock.
        using WeightLock.Pass pass = Enter();
        ScalarType dtype = TypeOf(network) ?? noisy.dtype;
        if (network.Network.training)
        {
            throw new InvalidOperationException(
                "The network is in training mode, in which dropout makes samples random. Call Network.eval() first; beside training, "
                + "sample a twin of the network (CreateTwin).");
        }

        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor input = scalings.In == 1 ? noisy : noisy.Times(scalings.In);
        Tensor labels = Scalings.LabelsOf([.. Enumerable.Repeat(scalings, (int)noisy.shape[0])], noisy.device);
        Tensor output = Run(network, input.to(dtype), labels, conditioning, mayPredictVariance: true)
            .to(noisy.dtype); // [B, C, H, W] or [B, 2C, H, W]
        long channels = noisy.shape[1];
        Tensor? variance = output.shape[1] > channels ? output.narrow(1, channels, channels) : null; // [B, C, H, W]
        output = output.narrow(1, 0, channels); // [B, C, H, W]
        Tensor clean = Sum(noisy, scalings.Skip, output, scalings.Out);
        Tensor noise = Sum(noisy, scalings.NoiseSkip, output, scalings.NoiseOut);
        return new Estimate(clean.MoveToOuterDisposeScope(),
            noise.MoveToOuterDisposeScope()) { Variance = variance?.MoveToOuterDisposeScope() };
    }

    /// <summary>The prediction and the variance of a network that returns twice the channels, for training.</summary>
    /// <returns>Two tensors <c>[B, C, H, W]</c>; they belong to the caller.</returns>
    /// <exception cref="InvalidOperationException">The network returned another number of channels.</exception>
    internal (Tensor Prediction, Tensor Variance) PredictWithVariance(
        Tensor noisy, IReadOnlyList<NoiseLevel> levels, Conditioning? conditioning)
    {
        using Tensor output = PredictRaw(noisy, levels, conditioning, mayPredictVariance: true); // [B, 2C, H, W]
        long channels = noisy.shape[1];
        return output.shape[1] == 2 * channels
            ? (output.narrow(1, 0, channels), output.narrow(1, channels, channels))
            : throw new InvalidOperationException(
                $"The network returned the shape {Guard.Text(output)} for images of the shape {Guard.Text(noisy)}. To learn the variance "
                + $"it must return {2 * channels} channels: build it with twice as many output channels as input channels.");
    }

    /// <summary>Prevents the weights from being written or freed until the result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">They were freed.</exception>
    internal WeightLock.Pass Enter() => gate is null ? default : gate.Read();

    // A disposed network has lost its parameters or their memory: libtorch would only report an empty handle.
    private Parameter? FirstParameter(IDiffusionModel model)
    {
        Parameter? first = model.Network.parameters().FirstOrDefault();
        return first is { IsInvalid: false } || !hasParameters
            ? first
            : throw new ObjectDisposedException(model.GetType().Name,
                $"The {model.GetType().Name} of this denoiser was disposed. Dispose it after its last sample.");
    }

    // What the network computes in; null without parameters.
    private ScalarType? TypeOf(IDiffusionModel model) =>
        FirstParameter(model) is { } first ? PrecisionTypes.Of(model.Network, first) : null;

    /// <summary>All channels that the network returns, <c>[B, C, H, W]</c> or with a variance <c>[B, 2C, H, W]</c>.</summary>
    internal Tensor PredictRaw(Tensor noisy, IReadOnlyList<NoiseLevel> levels, Conditioning? conditioning, bool mayPredictVariance)
    {
        Guard.Images(noisy, nameof(noisy));
        Guard.Levels(levels, noisy.shape[0]);
        Scalings[] scalings = [.. levels.Select(Parameterization.At)];
        using WeightLock.Pass pass = Enter();
        ScalarType type = TypeOf(Model) is { } own && PrecisionTypes.IsRounded(own) ? own : noisy.dtype;
        using DisposeScope scope = NewDisposeScope();
        Tensor labels = Scalings.LabelsOf(scalings, noisy.device);
        Tensor input = scalings.All(s => s.In == 1)
            ? noisy
            : noisy * ForwardProcess.Column(scalings.Select(s => s.In), noisy); // [B, C, H, W]
        Tensor output = Run(Model, input.to(type), labels, conditioning, mayPredictVariance);
        return output.dtype == noisy.dtype || output.dtype == type
            ? output.to(noisy.dtype).MoveToOuterDisposeScope()
            : throw new InvalidOperationException(
                $"The output of {Model.GetType().Name} is {output.dtype} for images in {type}. It must have the dtype of the images.");
    }

    // An output of another shape would be broadcast silently into wrong images and losses.
    private static Tensor Run(IDiffusionModel model, Tensor noisy, Tensor labels, Conditioning? conditioning, bool mayPredictVariance)
    {
        Tensor output = model.Predict(noisy, labels, conditioning ?? Conditioning.None);
        long channels = noisy.shape[1];
        bool hasVariance = mayPredictVariance && output.dim() == 4 && output.shape[1] == 2 * channels;
        if (!output.shape.AsSpan().SequenceEqual(hasVariance
            ? [noisy.shape[0], 2 * channels, noisy.shape[2], noisy.shape[3]]
            : noisy.shape))
        {
            string shape = Guard.Text(output);
            output.Dispose();
            throw new InvalidOperationException(
                $"The network returned the shape {shape} for images of the shape {Guard.Text(noisy)}. Its output must have their "
                + "shape: check its output channels and that its upsampling undoes its downsampling. A network that learns the variance "
                + "as well is trained with Objective.LearnsVariance.");
        }

        return output;
    }

    // Returns the output itself where it is the sum: 0 * x + 1 * output would turn an infinite x into NaN.
    private static Tensor Sum(Tensor x, double weight, Tensor output, double factor) =>
        weight == 0 ? (factor == 1 ? output : output.Times(factor)) : x.Times(weight).Increase(output.Times(factor));

    private void CheckSolvable(Scalings scalings)
    {
        if (scalings.Problem(Parameterization.Description) is { } problem)
        {
            throw new ArgumentException(problem, "level");
        }
    }
}
