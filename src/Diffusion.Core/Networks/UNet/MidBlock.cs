using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>The middle of the network: two residual blocks with optional attention between them.</summary>
internal sealed class MidBlock : nn.Module<Tensor, Tensor, Tensor>, IUNetBlock
{
    private readonly GradientCheckpoints checkpoints;
    private readonly ResnetBlock first;
    private readonly AttentionBlock? attention;
    private readonly ResnetBlock second;

    public MidBlock(UNet2DOptions options, GradientCheckpoints checkpoints, int channels)
        : base(nameof(MidBlock))
    {
        this.checkpoints = checkpoints;
        first = new ResnetBlock(options, channels, channels, outputScale: options.MidBlockScaleFactor);
        attention = options.AddAttention
            ? new AttentionBlock(options, channels, options.MidAttentionGroups, options.MidBlockScaleFactor, options.AttentionLegacyOrder)
            : null;
        second = new ResnetBlock(options, channels, channels, outputScale: options.MidBlockScaleFactor);
        register_module("attentions", attention is null ? new ModuleList<AttentionBlock>() : new ModuleList<AttentionBlock>(attention));
        register_module("resnets", new ModuleList<ResnetBlock>(first, second));
    }

    /// <inheritdoc/>
    public IEnumerable<nn.Module> Layers => [first, second];

    /// <inheritdoc/>
    public bool Attends => attention is not null;

    /// <summary><c>[B, C, H, W]</c> to the same.</summary>
    public override Tensor forward(Tensor x, Tensor condition)
    {
        using Tensor between = new ResidualLayer(checkpoints, first, attention).Run(x, condition);
        return new ResidualLayer(checkpoints, second).Run(between, condition);
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }
}
