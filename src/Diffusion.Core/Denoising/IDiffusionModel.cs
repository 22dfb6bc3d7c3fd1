using TorchSharp;

namespace Diffusion;

/// <summary>A network that maps noisy images and their noise levels to images of the same shape.</summary>
/// <remarks>
/// What its output means (noise, clean image or velocity) is up to the <see cref="Denoiser"/>. <see cref="ModuleModel"/> makes a model of
/// any TorchSharp module.
/// </remarks>
public interface IDiffusionModel : IDisposable
{
    /// <summary>The network: its named parameters are what is trained, averaged and saved. One object for the model's lifetime.</summary>
    torch.nn.Module Network { get; }

    /// <summary>The shape of the images it was made for, or null when it takes several.</summary>
    ImageShape? SampleShape { get; }

    /// <summary>How many classes it is conditioned on, or null for an unconditional model.</summary>
    int? ClassCount { get; }

    /// <summary>Whether its forward pass draws random numbers while training: dropout.</summary>
    bool HasDropout { get; }

    /// <summary>The probability with which training drops activations, in [0, 1); 0 by default, also where it is not known.</summary>
    /// <remarks>Only warnings depend on it.</remarks>
    double DropoutProbability => 0;

    /// <summary>
    /// Whether it is told an earlier estimate of the clean images (<see cref="Conditioning.EarlierClean"/>): samplers then pass that of the
    /// call before. False by default.
    /// </summary>
    bool IsSelfConditioned => false;

    /// <summary>
    /// Gradient checkpointing of the network; null if it has none. By default the model itself, if it implements
    /// <see cref="IGradientCheckpointing"/>.
    /// </summary>
    IGradientCheckpointing? Checkpointing => this as IGradientCheckpointing;

    /// <summary>Name and options as JSON, saved in checkpoints: models with equal descriptions can load each other's weights.</summary>
    string Description { get; }

    /// <summary>Runs the network.</summary>
    /// <param name="noisy">
    /// Noisy images <c>[B, C, H, W]</c>, in the dtype in which the parameters are, so that a network which trains in bfloat16 computes in
    /// it.
    /// </param>
    /// <param name="labels">
    /// The noise level of each, <c>[B]</c>: int64 timesteps for discrete schedules, floating point between them.
    /// </param>
    /// <param name="conditioning">Class labels where the model has classes.</param>
    /// <returns>The raw prediction <c>[B, C, H, W]</c>; it belongs to the caller.</returns>
    torch.Tensor Predict(torch.Tensor noisy, torch.Tensor labels, Conditioning conditioning);

    /// <summary>
    /// Creates a second network of the same architecture on the same device. It has its own parameters, whose values are unspecified, in
    /// float32 or in the dtype of this one, and belongs to the caller.
    /// </summary>
    IDiffusionModel CreateTwin();

    /// <summary>
    /// Lists the reasons why the model cannot be used with such images and schedule, each with its remedy; empty when it can.
    /// </summary>
    IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule);
}
