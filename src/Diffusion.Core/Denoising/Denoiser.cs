using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// A model with its schedule and prediction type. Losses and samplers see only this: training asks for the raw prediction and its
/// target, sampling for the estimate of the clean image and of the noise. The model stays the caller's.
/// </summary>
/// <remarks>
/// Several threads may sample at a time: a call reads the weights and changes neither them nor the network's mode. Each <see cref="Denoise"/> of a
/// trainer's denoiser sees the weights of one whole step; while the trainer runs, the next call may see those of a later step, so take
/// <c>Trainer.SnapshotEma()</c> where one image must come from one set of weights. To dispose a <see cref="UNet2D"/>, a trainer or a snapshot waits
/// for the call in flight; every later call throws <see cref="ObjectDisposedException"/>. Other models are kept alive by their owner.
/// </remarks>
public sealed class Denoiser
{
    private readonly ForwardProcess forward;
    private readonly ImageShape? sampleShape;
    private readonly Lazy<IDiffusionModel> sampled;
    private readonly WeightGate? gate;
    private readonly bool hasParameters;

    /// <summary>Joins a model with what it was, or will be, trained for, and puts its network into evaluation mode.</summary>
    /// <remarks>A training loop of your own calls <c>model.Network.train()</c> afterwards; <see cref="Predict"/> takes the network in any mode.</remarks>
    /// <param name="model">The network; not disposed here.</param>
    /// <param name="schedule">How noisy each timestep is.</param>
    /// <param name="prediction">What the network's answer means.</param>
    /// <exception cref="InvalidOperationException">
    /// A trainer owns the network or has trained it, so that it holds the noisy weights of the last step: sample the trainer's <c>EmaDenoiser</c>.
    /// </exception>
    public Denoiser(IDiffusionModel model, INoiseSchedule schedule, PredictionType prediction = PredictionType.Epsilon)
        : this(model, new Lazy<IDiffusionModel>(model), schedule, prediction, (model as UNet2D)?.Gate)
    {
        TrainedNetworks.Refuse(model.Network);
        if (model.Network.training)
        {
            model.Network.eval();
        }
    }

    /// <summary>A denoiser of a trainer.</summary>
    /// <param name="model">The network that is trained, asked by <see cref="Predict"/>.</param>
    /// <param name="sampled">A network in evaluation mode with the same weights, asked by <see cref="Denoise"/>; made when it is first asked.</param>
    /// <param name="schedule">How noisy each timestep is.</param>
    /// <param name="prediction">What the network's answer means.</param>
    /// <param name="gate">Guards the weights.</param>
    internal Denoiser(IDiffusionModel model, Lazy<IDiffusionModel> sampled, INoiseSchedule schedule, PredictionType prediction, WeightGate? gate)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(schedule);
        if (!Enum.IsDefined(prediction))
        {
            throw new ArgumentOutOfRangeException(nameof(prediction), prediction, "Use Epsilon, Sample or Velocity.");
        }

        Model = model;
        this.sampled = sampled;
        Schedule = schedule;
        Prediction = prediction;
        this.gate = gate;
        hasParameters = model.Network.parameters().Any();
        forward = new ForwardProcess(schedule);
    }

    /// <summary>The network.</summary>
    public IDiffusionModel Model { get; }

    /// <summary>How noisy each timestep is.</summary>
    public INoiseSchedule Schedule { get; }

    /// <summary>What the network's answer means.</summary>
    public PredictionType Prediction { get; }

    /// <summary>
    /// The shape of the images that it makes unless another is asked for: by default that of <see cref="IDiffusionModel.SampleShape"/>; of a
    /// trainer's denoisers that of the images they were trained on.
    /// </summary>
    public ImageShape? SampleShape { get => sampleShape ?? Model.SampleShape; init => sampleShape = value; }

    /// <summary>Where the network's parameters are; the CPU when it has none.</summary>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public Device Device
    {
        get
        {
            using WeightGate.Pass pass = Enter();
            return FirstParameter(Model)?.device ?? CPU;
        }
    }

    /// <summary>The network that is sampled: the model, or in a trainer a twin with the same weights.</summary>
    internal IDiffusionModel Sampled => sampled.Value;

    /// <summary>Noisy images for training: <see cref="ForwardProcess.AddNoise"/>.</summary>
    /// <inheritdoc cref="ForwardProcess.AddNoise"/>
    public Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => forward.AddNoise(clean, noise, timesteps);

    /// <summary>What <see cref="Predict"/> should have answered: the noise, the clean images, or the velocity.</summary>
    /// <inheritdoc cref="ForwardProcess.AddNoise"/>
    public Tensor Target(Tensor clean, Tensor noise, Tensor timesteps)
    {
        forward.Check(clean, noise, timesteps);
        return Prediction switch
        {
            PredictionType.Epsilon => noise.alias(),
            PredictionType.Sample => clean.alias(),
            _ => forward.Velocity(clean, noise, timesteps),
        };
    }

    /// <summary>The network's raw prediction for training: gradients flow, dropout is as the network's mode says.</summary>
    /// <param name="noisy">Noisy images <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="timesteps">int64 <c>[B]</c>, each in [0, T-1]; best on the CPU, they are moved.</param>
    /// <param name="conditioning">Class labels where the model has classes; null for none.</param>
    /// <returns><c>[B, C, H, W]</c>; it belongs to the caller.</returns>
    /// <exception cref="ArgumentException">Timesteps are not int64, not one per image, or outside [0, T-1].</exception>
    /// <exception cref="InvalidOperationException">The network answered with another shape than it was asked.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public Tensor Predict(Tensor noisy, Tensor timesteps, Conditioning? conditioning = null)
    {
        Guard.Images(noisy, nameof(noisy));
        Guard.Timesteps(timesteps, noisy.shape[0], forward.Timesteps);
        using WeightGate.Pass pass = Enter();
        _ = FirstParameter(Model);
        using Tensor labels = timesteps.to(noisy.device);
        return Ask(Model, noisy, labels, conditioning);
    }

    /// <summary>The estimate of the clean images and of the noise: without gradients and without dropout.</summary>
    /// <remarks>A network of another dtype is asked in its own. The network's mode is never changed.</remarks>
    /// <param name="noisy">Noisy images, all at one level, floating point <c>[B, C, H, W]</c>, on the model's device.</param>
    /// <param name="level">Their noise level, with a positive alpha.</param>
    /// <param name="conditioning">Class labels where the model has classes; null for none.</param>
    /// <returns>Both estimates, in the dtype of <paramref name="noisy"/>; they belong to the caller. The clean image is not clipped.</returns>
    /// <exception cref="ArgumentException">The level has no answer for the prediction type: see the message.</exception>
    /// <exception cref="InvalidOperationException">The network answered with another shape than it was asked, or was put into training mode.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public DenoisedImages Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        Guard.Images(noisy, nameof(noisy));
        CheckSolvable(level);
        IDiffusionModel network = Sampled; // Made before the gate is entered: its making holds the generator first, then the gate.
        using WeightGate.Pass pass = Enter();
        ScalarType dtype = FirstParameter(network)?.dtype ?? noisy.dtype;
        if (network.Network.training)
        {
            throw new InvalidOperationException(
                "The network is in training mode, in which dropout makes samples random. Call Network.eval() first; beside training, sample a network "
                + "of its own (CreateTwin).");
        }

        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor raw = Ask(network, noisy.to(dtype), Labels(level, noisy), conditioning).to(noisy.dtype); // [B, C, H, W]
        (Tensor clean, Tensor noise) = Prediction switch
        {
            PredictionType.Epsilon => ((noisy - raw.Times(level.Sigma)).DividedBy(level.Alpha), raw),
            PredictionType.Sample => (raw, (noisy - raw.Times(level.Alpha)).DividedBy(level.Sigma)),
            _ => (noisy.Times(level.Alpha) - raw.Times(level.Sigma), noisy.Times(level.Sigma) + raw.Times(level.Alpha)),
        };
        return new DenoisedImages(clean.MoveToOuterDisposeScope(), noise.MoveToOuterDisposeScope());
    }

    /// <summary>Keeps the weights from being written or freed until the answer is disposed.</summary>
    /// <exception cref="ObjectDisposedException">They were freed.</exception>
    internal WeightGate.Pass Enter() => gate is null ? default : gate.Read();

    // A disposed network has lost its parameters, or their memory: libtorch would only say that a handle is empty.
    private Parameter? FirstParameter(IDiffusionModel model)
    {
        Parameter? first = model.Network.parameters().FirstOrDefault();
        return first is { IsInvalid: false } || !hasParameters
            ? first
            : throw new ObjectDisposedException(model.GetType().Name, $"The {model.GetType().Name} of this denoiser was disposed. Dispose it after its last sample.");
    }

    // A network's answer of another shape would be broadcast, silently, into wrong images and losses.
    private static Tensor Ask(IDiffusionModel model, Tensor noisy, Tensor labels, Conditioning? conditioning)
    {
        Tensor answer = model.Predict(noisy, labels, conditioning ?? Conditioning.None);
        if (!answer.shape.AsSpan().SequenceEqual(noisy.shape))
        {
            string shape = Guard.Text(answer);
            answer.Dispose();
            throw new InvalidOperationException(
                $"The network answered with the shape {shape} to images of the shape {Guard.Text(noisy)}. Its answer must have their shape: "
                + "check its output channels and that its upsampling undoes its downsampling.");
        }

        return answer;
    }

    // Epsilon is divided by alpha, and a clean image says nothing of the noise once sigma is 0.
    private void CheckSolvable(NoiseLevel level)
    {
        if (Prediction == PredictionType.Epsilon && level.Alpha <= 0)
        {
            throw new ArgumentException(
                $"The noise level's alpha is {level.Alpha}, but must be above 0 for a network that predicts noise: pure noise holds no image. "
                + "Use velocity or sample prediction with such a schedule.",
                nameof(level));
        }

        if (Prediction == PredictionType.Sample && level.Sigma <= 0)
        {
            throw new ArgumentException(
                $"The noise level's sigma is {level.Sigma}, but must be above 0: there is no noise to estimate in a clean image.", nameof(level));
        }
    }

    // Whole labels are timesteps, int64; a solver that stands between two of them tells the network a fraction.
    private static Tensor Labels(NoiseLevel level, Tensor like) =>
        double.IsInteger(level.Label)
            ? zeros([like.shape[0]], ScalarType.Int64, like.device).Fill((long)level.Label) // [B]
            : zeros([like.shape[0]], ScalarType.Float32, like.device).Fill(level.Label); // [B]
}
