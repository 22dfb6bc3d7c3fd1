using TorchSharp;

namespace Diffusion.Sampling;

/// <summary>The result of a sampler's step.</summary>
/// <param name="Sample">The noisy images at the level that the step goes to, <c>[B, C, H, W]</c>.</param>
/// <param name="Keep">What later steps use; null for nothing.</param>
public readonly record struct StepResult(torch.Tensor Sample, PastEstimate? Keep = null);
