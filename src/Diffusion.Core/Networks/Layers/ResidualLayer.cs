using static TorchSharp.torch;

namespace Diffusion;

/// <summary>A residual block with the attention that may follow it: the unit of gradient checkpointing.</summary>
internal sealed class ResidualLayer(GradientCheckpoints checkpoints, ResnetBlock resnet, AttentionBlock? attention = null)
{
    private readonly nn.Module[] modules = attention is null ? [resnet] : [resnet, attention];

    /// <summary>
    /// Images <c>[B, inChannels, H, W]</c> and the condition <c>[B, D]</c> to <c>[B, outChannels, H', W']</c>; it belongs to the caller.
    /// </summary>
    /// <remarks>
    /// The images are two inputs, the summand first: the graph then adds their gradients in the same order as without checkpointing.
    /// </remarks>
    public Tensor Run(Tensor x, Tensor condition) =>
        checkpoints.Call(inputs => Compute(inputs[1], inputs[0], inputs[2]), [x, x, condition], modules, resnet.HasDropout,
            attention is not null);

    /// <summary>
    /// The same for images from below, <c>[B, below, H, W]</c>, concatenated with those that came across, <c>[B, across, H, W]</c>.
    /// </summary>
    public Tensor Run(Tensor x, Tensor across, Tensor condition) =>
        checkpoints.Call(
            inputs =>
            {
                using Tensor joined = cat([inputs[0], inputs[1]], 1); // [B, below + across, H, W]
                return Compute(joined, joined, inputs[2]);
            },
            [x, across, condition],
            modules,
            resnet.HasDropout,
            attention is not null);

    private Tensor Compute(Tensor x, Tensor summand, Tensor condition)
    {
        Tensor plain = resnet.call(x, summand, condition);
        return attention is null ? plain : attention.call(plain);
    }
}
