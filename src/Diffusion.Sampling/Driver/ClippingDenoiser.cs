using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Clips the estimate of another denoiser and recomputes the noise so that x = alpha * clean + sigma * noise still holds.
/// </summary>
/// <param name="inner">The other denoiser.</param>
/// <param name="clipping">How to clip.</param>
internal sealed class ClippingDenoiser(IDenoiser inner, SampleClipping clipping) : IDenoiser
{
    public Denoiser Source => inner.Source;

    public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        using Estimate estimate = inner.Denoise(noisy, level, conditioning);
        using Tensor clean = clipping.Apply(estimate.Clean);
        return estimate.WithClean(clean, noisy, level);
    }
}
