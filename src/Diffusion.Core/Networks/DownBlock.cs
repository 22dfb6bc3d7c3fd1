using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>One level on the way down: residual blocks, each perhaps with attention, then perhaps half the size.</summary>
internal sealed class DownBlock : nn.Module<Tensor, Tensor, Recomputation?, IReadOnlyList<Tensor>>
{
    private readonly ModuleList<ResnetBlock> resnets = [];
    private readonly ModuleList<AttentionBlock> attentions = [];
    private readonly ModuleList<nn.Module<Tensor, Tensor, Tensor>> samplers = [];

    public DownBlock(UNet2DOptions options, DownBlockType type, int inChannels, int outChannels, bool halves)
        : base(nameof(DownBlock))
    {
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

    /// <summary>
    /// Images <c>[B, inChannels, H, W]</c> to every layer's images <c>[B, outChannels, H, W]</c>, and the halved ones; the last goes
    /// further down, and all of them across to the way up. With a recomputation the residual blocks keep only their inputs.
    /// </summary>
    public override IReadOnlyList<Tensor> forward(Tensor x, Tensor condition, Recomputation? recomputation)
    {
        List<Tensor> images = [];
        for (int layer = 0; layer < resnets.Count; layer++)
        {
            x = new ResidualLayer(resnets[layer], attentions.Count > 0 ? attentions[layer] : null).Run(x, condition, recomputation);
            images.Add(x);
        }

        foreach (nn.Module<Tensor, Tensor, Tensor> sampler in samplers)
        {
            x = sampler is ResnetBlock resnet
                ? new ResidualLayer(resnet, null).Run(x, condition, recomputation)
                : sampler.call(x, condition);
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
