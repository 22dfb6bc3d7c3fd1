using TorchSharp;

namespace Diffusion;

/// <summary>What a network is conditioned on besides the noisy image and its noise level. The tensors belong to the caller.</summary>
public sealed record Conditioning
{
    /// <summary>No conditioning, for an unconditional model.</summary>
    public static Conditioning None { get; } = new();

    /// <summary>The class of each image, int64 <c>[B]</c>, or null.</summary>
    public torch.Tensor? ClassLabels { get; init; }
}
