using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>One level on the way down: residual blocks, with optional attention, then optional halving.</summary>
internal sealed class DownBlock : nn.Module<Tensor, Tensor, IReadOnlyList<Tensor>>, IUNetBlock
{
    private readonly GradientCheckpoints checkpoints;
    private readonly ModuleList<ResnetBlock> resnets = [];
    private readonly ModuleList<AttentionBlock> attentions = [];
    private readonly ModuleList<nn.Module> samplers = [];

    public DownBlock(
        UNet2DOptions options, GradientCheckpoints checkpoints, DownBlockType type, int inChannels, int outChannels, bool halves)
        : base(nameof(DownBlock))
    {
        this.checkpoints = checkpoints;
        for (int layer = 0; layer < options.LayersPerBlock; layer++)
        {
            resnets.Add(new ResnetBlock(options, layer == 0 ? inChannels : outChannels, outChannels));
            if (type.HasAttention())
            {
                attentions.Add(new AttentionBlock(options, outChannels, options.NormNumGroups, outputScale: 1,
                    options.AttentionLegacyOrder));
            }
        }

        if (halves)
        {
            samplers.Add(HalvesByConvolution(options, type)
                ? new Downsample(options, outChannels)
                : new ResnetBlock(options, outChannels, outChannels, Resampling.Halve));
        }

        register_module("attentions", attentions);
        register_module("resnets", resnets);
        register_module("downsamplers", samplers);
    }

    /// <inheritdoc/>
    public IEnumerable<nn.Module> Layers => resnets.Concat(samplers.Where(sampler => sampler is ResnetBlock));

    /// <inheritdoc/>
    public bool Attends => attentions.Count > 0;

    /// <summary>
    /// Images <c>[B, inChannels, H, W]</c> to every layer's images <c>[B, outChannels, H, W]</c>, and the halved ones. The last is the
    /// input of the next level, and all are skip connections to the way up.
    /// </summary>
    public override IReadOnlyList<Tensor> forward(Tensor x, Tensor condition)
    {
        List<Tensor> images = [];
        for (int layer = 0; layer < resnets.Count; layer++)
        {
            x = new ResidualLayer(checkpoints, resnets[layer], attentions.Count > 0 ? attentions[layer] : null).Run(x, condition);
            images.Add(x);
        }

        foreach (nn.Module sampler in samplers)
        {
            x = sampler is ResnetBlock resnet
                ? new ResidualLayer(checkpoints, resnet).Run(x, condition)
                : ((nn.Module<Tensor, Tensor>)sampler).call(x);
            images.Add(x);
        }

        return images;
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }

    private static bool HalvesByConvolution(UNet2DOptions options, DownBlockType type) => type switch
    {
        DownBlockType.DownBlock2D => true,
        DownBlockType.AttnDownBlock2D => options.DownsampleType == ResamplingType.Conv,
        _ => false,
    };
}
