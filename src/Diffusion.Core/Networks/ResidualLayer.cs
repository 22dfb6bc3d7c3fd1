using static TorchSharp.torch;

namespace Diffusion;

/// <summary>A residual block with the attention that may follow it: what gradient checkpointing computes once more at a time.</summary>
internal sealed record ResidualLayer(ResnetBlock Resnet, AttentionBlock? Attention)
{
    /// <summary>Whether it draws from the global generator now.</summary>
    public bool HasDropout => Resnet.HasDropout;

    /// <summary>
    /// Images <c>[B, inChannels, H, W]</c> and the condition <c>[B, D]</c> to <c>[B, outChannels, H', W']</c>, keeping what the backward
    /// pass needs.
    /// </summary>
    public Tensor Call(Tensor x, Tensor condition)
    {
        if (Attention is null)
        {
            return Resnet.call(x, condition);
        }

        using Tensor plain = Resnet.call(x, condition);
        return Attention.call(plain);
    }

    /// <summary>The same a second time, for the backward pass. The images of the sum may be another tensor of the same numbers.</summary>
    public Tensor CallAgain(Tensor x, Tensor skip, Tensor condition)
    {
        // Not by call, whose hooks have seen the layer already.
        if (Attention is null)
        {
            return Resnet.Run(x, skip, condition);
        }

        using Tensor plain = Resnet.Run(x, skip, condition);
        return Attention.forward(plain);
    }

    /// <summary>The same as <see cref="Call"/>, keeping only the inputs where there is a recomputation.</summary>
    public Tensor Run(Tensor x, Tensor condition, Recomputation? recomputation) =>
        recomputation is null || !NeedsGradient(x, condition)
            ? Call(x, condition)
            : CheckpointedCall.Forward(this, x, null, condition, recomputation);

    /// <summary>
    /// The same over images from below, <c>[B, below, H, W]</c>, joined with those that came across, <c>[B, across, H, W]</c>.
    /// </summary>
    public Tensor Run(Tensor x, Tensor across, Tensor condition, Recomputation? recomputation)
    {
        if (recomputation is not null && (across.requires_grad || NeedsGradient(x, condition)))
        {
            return CheckpointedCall.Forward(this, x, across, condition, recomputation);
        }

        using Tensor joined = cat([x, across], 1); // [B, below + across, H, W]
        return Call(joined, condition);
    }

    private bool NeedsGradient(Tensor x, Tensor condition) =>
        x.requires_grad || condition.requires_grad
        || Resnet.parameters().Concat(Attention?.parameters() ?? []).Any(weights => weights.requires_grad);
}
