using TorchSharp;

namespace Diffusion;

/// <summary>A denoiser's estimate of what noisy images consist of: x = alpha * clean + sigma * noise.</summary>
/// <param name="Clean">The estimate of the clean images, <c>[B, C, H, W]</c>.</param>
/// <param name="Noise">The estimate of the noise, <c>[B, C, H, W]</c>.</param>
public sealed record Estimate(torch.Tensor Clean, torch.Tensor Noise) : IDisposable
{
    /// <summary>The network's prediction of the variance, <c>[B, C, H, W]</c>; null if it predicts none.</summary>
    public torch.Tensor? Variance { get; init; }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Clean.Dispose();
        Noise.Dispose();
        Variance?.Dispose();
    }
}
