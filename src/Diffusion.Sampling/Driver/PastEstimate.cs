using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>
/// What a step keeps for later steps. Samplers set only what they need; the sampling loop then owns the tensors.
/// </summary>
/// <param name="At">The level of the estimate.</param>
/// <param name="Clean">The estimate of the clean images, <c>[B, C, H, W]</c>, or null.</param>
/// <param name="Noise">The estimate of the noise, <c>[B, C, H, W]</c>, or null.</param>
/// <param name="Sample">The noisy images, <c>[B, C, H, W]</c>, or null.</param>
public sealed record PastEstimate(NoiseLevel At, torch.Tensor? Clean = null, torch.Tensor? Noise = null, torch.Tensor? Sample = null)
{
    /// <summary>The standard normal noise that the step added, <c>[B, C, H, W]</c>, or null.</summary>
    public torch.Tensor? Injected { get; init; }

    internal PastEstimate MovedToOuterScope()
    {
        Clean?.MoveToOuterDisposeScope();
        Noise?.MoveToOuterDisposeScope();
        Sample?.MoveToOuterDisposeScope();
        Injected?.MoveToOuterDisposeScope();
        return this;
    }

    internal void Free()
    {
        Clean?.Dispose();
        Noise?.Dispose();
        Sample?.Dispose();
        Injected?.Dispose();
    }
}
