using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The loss of a micro-batch, and what it compares.</summary>
/// <param name="Loss">The mean over the images, a scalar with its graph.</param>
/// <param name="Prediction">What the network answered, <c>[B, C, H, W]</c>.</param>
/// <param name="Target">What it should have answered, <c>[B, C, H, W]</c>.</param>
public sealed record ObjectiveLoss(Tensor Loss, Tensor Prediction, Tensor Target);
