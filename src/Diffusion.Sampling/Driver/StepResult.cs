using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>What a step of a sampler gives.</summary>
/// <param name="Sample">The noisy images at the level that the step goes to, <c>[B, C, H, W]</c>.</param>
/// <param name="Keep">What later steps look back at; null for nothing.</param>
public readonly record struct StepResult(torch.Tensor Sample, PastEstimate? Keep = null);
