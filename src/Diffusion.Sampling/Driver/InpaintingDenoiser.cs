using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Fills the unknown part of images: replaces the known part of each estimate of the clean image, and recomputes the noise so that
/// x = alpha * clean + sigma * noise still holds. It works with every sampler, and the known part is exact where sampling ends clean.
/// </summary>
/// <remarks>
/// Samplers that add noise, such as <see cref="DpmSolver"/> with <see cref="DpmSolver.Eta"/> 1, join the two parts better than
/// deterministic ones. <see cref="ResamplingSampler"/> joins them better still, at the price of more calls.
/// </remarks>
public sealed class InpaintingDenoiser : IDenoiser, IClippedInside
{
    private readonly IDenoiser inner;
    private readonly Tensor known;
    private readonly Tensor mask;

    /// <summary>Wraps another denoiser.</summary>
    /// <param name="inner">The other denoiser.</param>
    /// <param name="known">
    /// The images, floating point <c>[1, C, H, W]</c> for all, or <c>[B, C, H, W]</c> for a single batch of that size. They stay the
    /// caller's and must not be freed before sampling ends.
    /// </param>
    /// <param name="mask">1 where an image is known, 0 where it is not, between them for a blend; it broadcasts to the images.</param>
    /// <exception cref="ArgumentException">The images or the mask do not have the shape.</exception>
    public InpaintingDenoiser(IDenoiser inner, Tensor known, Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(inner);
        KnownPart.Check(known, mask);
        (this.inner, this.known, this.mask) = (inner, known, mask);
    }

    /// <inheritdoc/>
    public Denoiser Source => inner.Source;

    IDenoiser IClippedInside.TryClip(Func<IDenoiser, IDenoiser> clip) => new InpaintingDenoiser(clip(inner), known, mask);

    /// <inheritdoc/>
    public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        ArgumentNullException.ThrowIfNull(noisy);
        using Estimate estimate = inner.Denoise(noisy, level, conditioning);
        using Tensor clean = KnownPart.Put(estimate.Clean, known, mask);
        return estimate.WithClean(clean, noisy, level);
    }
}
