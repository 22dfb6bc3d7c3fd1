using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Clips the estimate of another denoiser. Unless the clipping keeps the noise, it is recomputed so that
/// x = alpha * clean + sigma * noise still holds.
/// </summary>
/// <param name="inner">The other denoiser.</param>
/// <param name="clipping">How to clip.</param>
internal sealed class ClippingDenoiser(IDenoiser inner, SampleClipping clipping) : IDenoiser
{
    public Denoiser Source => inner.Source;

    /// <summary>Clips the estimates of a denoiser, or those inside it if it replaces a part of them that must stay as it is.</summary>
    public static IDenoiser Around(IDenoiser denoiser, SampleClipping clipping) => clipping == SampleClipping.None ? denoiser
        : (denoiser as IClippedInside)?.TryClip(inner => Around(inner, clipping)) ?? new ClippingDenoiser(denoiser, clipping);

    public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        using Estimate estimate = inner.Denoise(noisy, level, conditioning);
        using Tensor clean = clipping.Apply(estimate.Clean);
        return clipping.KeepsNoise
            ? new Estimate(clean.alias(), estimate.Noise.alias()) { Variance = estimate.Variance?.alias() }
            : estimate.WithClean(clean, noisy, level);
    }
}
