using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>One level on the way up, which also outputs images of its own size, a summand of the network's output.</summary>
internal sealed class SkipUpBlock : nn.Module<Tensor, Stack<Tensor>, Tensor, (Tensor Features, Tensor? Images)>, IUNetBlock
{
    private readonly GradientCheckpoints checkpoints;
    private readonly ModuleList<ResnetBlock> resnets = [];
    private readonly ModuleList<AttentionBlock> attentions = [];
    private readonly ResnetBlock? resnetUp;
    private readonly GroupNorm? imageNorm;
    private readonly Conv2d? imageConv;

    /// <summary>Builds the layers; for the parameters see <see cref="UpBlock"/>.</summary>
    public SkipUpBlock(
        UNet2DOptions options,
        GradientCheckpoints checkpoints,
        UpBlockType type,
        int belowChannels,
        int channels,
        int aboveChannels,
        bool doubles)
        : base(nameof(SkipUpBlock))
    {
        this.checkpoints = checkpoints;
        for (int layer = 0; layer <= options.LayersPerBlock; layer++)
        {
            int below = layer == 0 ? belowChannels : channels;
            int across = layer == options.LayersPerBlock ? aboveChannels : channels;
            resnets.Add(ResnetBlock.OfSkipBlock(options, below + across, channels, groups: SkipBlocks.JoinedGroups(type, below, across)));
        }

        if (type.HasAttention())
        {
            attentions.Add(new AttentionBlock(options, channels, SkipBlocks.AttentionGroups, SkipBlocks.OutputScale, legacyOrder: false));
        }

        if (doubles)
        {
            resnetUp = ResnetBlock.OfSkipBlock(options, channels, channels, Resampling.DoubleSmoothly);
            imageConv = nn.Conv2d(channels, SkipBlocks.ImageChannels, 3, padding: 1);
            imageNorm = GroupNormalization.Create(SkipBlocks.Groups(channels), channels, options.NormEps);
        }

        register_module("attentions", attentions);
        register_module("resnets", resnets);
        register_module("resnet_up", resnetUp!);
        register_module("skip_conv", imageConv!);
        register_module("skip_norm", imageNorm!);
    }

    /// <inheritdoc/>
    public IEnumerable<nn.Module> Layers => resnetUp is null ? resnets : resnets.Append(resnetUp);

    /// <inheritdoc/>
    public bool Attends => attentions.Count > 0;

    /// <summary>
    /// Features <c>[B, belowChannels, H, W]</c> and the skip connections, the last of which each layer pops from the stack and
    /// disposes, to features <c>[B, channels, 2H, 2W]</c> and images <c>[B, 3, H, W]</c>; at the top to features <c>[B, channels, H, W]</c>
    /// and no images.
    /// </summary>
    public override (Tensor Features, Tensor? Images) forward(Tensor x, Stack<Tensor> across, Tensor condition)
    {
        using DisposeScope scope = NewDisposeScope();
        for (int layer = 0; layer < resnets.Count; layer++)
        {
            using Tensor skip = across.Pop();
            AttentionBlock? attention = layer == resnets.Count - 1 ? attentions.SingleOrDefault() : null;
            x = new ResidualLayer(checkpoints, resnets[layer], attention).Run(x, skip, condition); // [B, channels, H, W]
        }

        if (resnetUp is null || imageNorm is null || imageConv is null)
        {
            return (x.MoveToOuterDisposeScope(), null);
        }

        Tensor images = imageConv.call(nn.functional.silu(imageNorm.call(x))); // [B, 3, H, W]
        Tensor doubled = new ResidualLayer(checkpoints, resnetUp).Run(x, condition); // [B, channels, 2H, 2W]
        return (doubled.MoveToOuterDisposeScope(), images.MoveToOuterDisposeScope());
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }
}
