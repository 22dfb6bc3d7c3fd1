using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>Passes every estimate of another denoiser to an observer, for previews and films. Every sampler works with it.</summary>
/// <param name="inner">The other denoiser.</param>
/// <param name="observe">
/// Receives the level and the estimate of the clean images, <c>[B, C, H, W]</c> on the device, before any clipping. The tensor is freed
/// by the sampler: copy what must live longer.
/// </param>
public sealed class ObservedDenoiser(IDenoiser inner, Action<NoiseLevel, torch.Tensor> observe) : IDenoiser, IClippedInside
{
    private readonly IDenoiser inner = inner ?? throw new ArgumentNullException(nameof(inner));
    private readonly Action<NoiseLevel, torch.Tensor> observe = observe ?? throw new ArgumentNullException(nameof(observe));

    /// <inheritdoc/>
    public Denoiser Source => inner.Source;

    IDenoiser? IClippedInside.TryClip(Func<IDenoiser, IDenoiser> clip) =>
        (inner as IClippedInside)?.TryClip(clip) is { } clipped ? new ObservedDenoiser(clipped, observe) : null;

    /// <inheritdoc/>
    public Estimate Denoise(torch.Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        Estimate estimate = inner.Denoise(noisy, level, conditioning);
        try
        {
            observe(level, estimate.Clean);
            return estimate;
        }
        catch
        {
            estimate.Dispose();
            throw;
        }
    }
}
