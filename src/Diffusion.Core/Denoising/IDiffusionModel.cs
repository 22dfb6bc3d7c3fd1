using TorchSharp;

namespace Diffusion;

/// <summary>A network that, given noisy images and their noise levels, answers with images of the same shape.</summary>
/// <remarks>What the answer means (noise, clean image or velocity) is <see cref="Denoiser"/>'s business, not the network's.</remarks>
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

    /// <summary>Name and options as JSON, as written into checkpoints: two models fit the same weights where these are equal.</summary>
    string Description { get; }

    /// <summary>Runs the network.</summary>
    /// <param name="noisy">Noisy images, floating point <c>[B, C, H, W]</c>.</param>
    /// <param name="labels">
    /// The noise level of each, <c>[B]</c>: int64 timesteps for discrete schedules, floating point between them.
    /// </param>
    /// <param name="conditioning">Class labels where the model has classes.</param>
    /// <returns>The raw prediction <c>[B, C, H, W]</c>; it belongs to the caller.</returns>
    torch.Tensor Predict(torch.Tensor noisy, torch.Tensor labels, Conditioning conditioning);

    /// <summary>
    /// A second network of the same architecture, on the same device, with parameters of its own whose values are unspecified until
    /// they are set. It belongs to the caller.
    /// </summary>
    IDiffusionModel CreateTwin();

    /// <summary>
    /// Every reason why the model cannot be used on such images with such a schedule, each with its remedy; empty when it can.
    /// </summary>
    IReadOnlyList<string> Problems(ImageShape shape, INoiseSchedule schedule);
}
