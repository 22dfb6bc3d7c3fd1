using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Self-attention between all pixels (Vaswani et al. 2017, equation 1), added to the input.</summary>
internal sealed class AttentionBlock : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm? groupNorm;
    private readonly Linear toQuery;
    private readonly Linear toKey;
    private readonly Linear toValue;
    private readonly Linear toOut;
    private readonly int heads;
    private readonly int headChannels;
    private readonly double outputScale;

    /// <summary>Builds the layers; without groups there is no normalisation.</summary>
    public AttentionBlock(UNet2DOptions options, int channels, int? groups, double outputScale = 1)
        : base(nameof(AttentionBlock))
    {
        // Where the channels do not divide, the heads together are narrower than the input.
        headChannels = options.AttentionHeadDim ?? channels;
        heads = channels / headChannels;
        this.outputScale = outputScale;
        int inner = heads * headChannels;
        if (groups is int count)
        {
            register_module("group_norm", groupNorm = GroupNormalization.Create(count, channels, options.NormEps));
        }

        register_module("to_q", toQuery = nn.Linear(channels, inner));
        register_module("to_k", toKey = nn.Linear(channels, inner));
        register_module("to_v", toValue = nn.Linear(channels, inner));
        register_module("to_out", new ModuleList<Linear>(toOut = nn.Linear(inner, channels)));
    }

    /// <summary><c>[B, C, H, W]</c> to the same.</summary>
    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor normalised = groupNorm is null ? x : groupNorm.call(x);
        Tensor pixels = normalised.flatten(2).transpose(1, 2).contiguous(); // [B, H * W, C]
        Tensor attended = nn.functional.scaled_dot_product_attention(
            Heads(toQuery.call(pixels)), Heads(toKey.call(pixels)), Heads(toValue.call(pixels))); // [B, heads, H * W, headChannels]
        Tensor joined = attended.transpose(1, 2).flatten(2); // [B, H * W, inner]
        Tensor answer = toOut.call(joined).transpose(1, 2).view(x.shape); // [B, C, H, W]
        Tensor sum = x + answer;
        return (outputScale == 1 ? sum : sum.DivideBy(outputScale)).MoveToOuterDisposeScope();
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }

    // [B, H * W, inner] to [B, heads, H * W, headChannels]
    private Tensor Heads(Tensor projected) =>
        projected.view(projected.shape[0], projected.shape[1], heads, headChannels).transpose(1, 2);
}
