using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>The middle of the network: two residual blocks, perhaps with attention between them.</summary>
internal sealed class MidBlock : nn.Module<Tensor, Tensor, Recomputation?, Tensor>
{
    private readonly ResnetBlock first;
    private readonly AttentionBlock? attention;
    private readonly ResnetBlock second;

    public MidBlock(UNet2DOptions options, int channels)
        : base(nameof(MidBlock))
    {
        first = new ResnetBlock(options, channels, channels, outputScale: options.MidBlockScaleFactor);
        attention = options.AddAttention
            ? new AttentionBlock(options, channels, options.MidAttentionGroups, options.MidBlockScaleFactor, options.AttentionLegacyOrder)
            : null;
        second = new ResnetBlock(options, channels, channels, outputScale: options.MidBlockScaleFactor);
        register_module("attentions", attention is null ? new ModuleList<AttentionBlock>() : new ModuleList<AttentionBlock>(attention));
        register_module("resnets", new ModuleList<ResnetBlock>(first, second));
    }

    /// <summary><c>[B, C, H, W]</c> to the same. With a recomputation the residual blocks keep only their inputs.</summary>
    public override Tensor forward(Tensor x, Tensor condition, Recomputation? recomputation)
    {
        using Tensor between = new ResidualLayer(first, attention).Run(x, condition, recomputation);
        return new ResidualLayer(second, null).Run(between, condition, recomputation);
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }
}
