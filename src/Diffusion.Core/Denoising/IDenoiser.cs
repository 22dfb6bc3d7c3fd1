using TorchSharp;

namespace Diffusion;

/// <summary>
/// A sampler's view of a model. Whatever modifies a model's estimates (guidance, clipping, inpainting) is a denoiser that wraps another
/// one, so that every sampler works with it.
/// </summary>
public interface IDenoiser
{
    /// <summary>The innermost denoiser, which calls the network: its schedule, shapes, classes and device.</summary>
    Denoiser Source { get; }

    /// <summary>The estimate of the clean images and of the noise.</summary>
    /// <param name="noisy">
    /// Noisy images, all at one level, floating point <c>[B, C, H, W]</c>, on the device of <see cref="Source"/>.
    /// </param>
    /// <param name="level">Their noise level.</param>
    /// <param name="conditioning">Class labels where the model has classes; null for none.</param>
    /// <returns>Both estimates, in the dtype of <paramref name="noisy"/>; they belong to the caller.</returns>
    Estimate Denoise(torch.Tensor noisy, NoiseLevel level, Conditioning? conditioning = null);
}
