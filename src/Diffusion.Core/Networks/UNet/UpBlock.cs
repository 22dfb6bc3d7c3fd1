using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// One level on the way up: residual blocks with skip connections and optional attention, then optional doubling.
/// </summary>
internal sealed class UpBlock : nn.Module<Tensor, Stack<Tensor>, Tensor, Tensor>, IUNetBlock
{
    private readonly GradientCheckpoints checkpoints;
    private readonly ModuleList<ResnetBlock> resnets = [];
    private readonly ModuleList<AttentionBlock> attentions = [];
    private readonly ModuleList<nn.Module> samplers = [];

    /// <summary>Builds the layers.</summary>
    /// <param name="options">The options of the network.</param>
    /// <param name="checkpoints">The network's gradient checkpointing.</param>
    /// <param name="type">What the level does.</param>
    /// <param name="belowChannels">Channels that come up from the level below.</param>
    /// <param name="channels">Channels of this level.</param>
    /// <param name="aboveChannels">Channels of the level above, which this level's last skip connection has.</param>
    /// <param name="doubles">Whether there is a level above.</param>
    public UpBlock(
        UNet2DOptions options,
        GradientCheckpoints checkpoints,
        UpBlockType type,
        int belowChannels,
        int channels,
        int aboveChannels,
        bool doubles)
        : base(nameof(UpBlock))
    {
        this.checkpoints = checkpoints;
        for (int layer = 0; layer <= options.LayersPerBlock; layer++)
        {
            int below = layer == 0 ? belowChannels : channels;
            int across = layer == options.LayersPerBlock ? aboveChannels : channels;
            resnets.Add(new ResnetBlock(options, below + across, channels));
            if (type.HasAttention())
            {
                attentions.Add(new AttentionBlock(options, channels, options.NormNumGroups, outputScale: 1, options.AttentionLegacyOrder));
            }
        }

        if (doubles)
        {
            samplers.Add(DoublesByConvolution(options, type)
                ? new Upsample(channels)
                : new ResnetBlock(options, channels, channels, Resampling.Double));
        }

        register_module("attentions", attentions);
        register_module("resnets", resnets);
        register_module("upsamplers", samplers);
    }

    /// <inheritdoc/>
    public IEnumerable<nn.Module> Layers => resnets.Concat(samplers.Where(sampler => sampler is ResnetBlock));

    /// <inheritdoc/>
    public bool Attends => attentions.Count > 0;

    /// <summary>
    /// Images <c>[B, belowChannels, H, W]</c> and the skip connections, the last of which each layer pops from the stack and
    /// disposes, to <c>[B, channels, 2H, 2W]</c>, or H and W at the top.
    /// </summary>
    public override Tensor forward(Tensor x, Stack<Tensor> across, Tensor condition)
    {
        using DisposeScope scope = NewDisposeScope();
        for (int layer = 0; layer < resnets.Count; layer++)
        {
            using Tensor skip = across.Pop();
            ResidualLayer residual = new(checkpoints, resnets[layer], attentions.Count > 0 ? attentions[layer] : null);
            x = residual.Run(x, skip, condition); // [B, channels, H, W]
        }

        foreach (nn.Module sampler in samplers)
        {
            x = sampler is ResnetBlock resnet
                ? new ResidualLayer(checkpoints, resnet).Run(x, condition)
                : ((nn.Module<Tensor, Tensor>)sampler).call(x);
        }

        return x.MoveToOuterDisposeScope();
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }

    private static bool DoublesByConvolution(UNet2DOptions options, UpBlockType type) => type switch
    {
        UpBlockType.UpBlock2D => true,
        UpBlockType.AttnUpBlock2D => options.UpsampleType == ResamplingType.Conv,
        _ => false,
    };
}
