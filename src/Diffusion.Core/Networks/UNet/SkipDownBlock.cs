using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>One level on the way down, which adds the halved images to its halved features.</summary>
internal sealed class SkipDownBlock : nn.Module<Tensor, Tensor, Tensor, IReadOnlyList<Tensor>>, IUNetBlock
{
    private readonly GradientCheckpoints checkpoints;
    private readonly ModuleList<ResnetBlock> resnets = [];
    private readonly ModuleList<AttentionBlock> attentions = [];
    private readonly ResnetBlock? resnetDown;
    private readonly Conv2d? imageConv;

    public SkipDownBlock(
        UNet2DOptions options, GradientCheckpoints checkpoints, DownBlockType type, int inChannels, int outChannels, bool halves)
        : base(nameof(SkipDownBlock))
    {
        this.checkpoints = checkpoints;
        for (int layer = 0; layer < options.LayersPerBlock; layer++)
        {
            resnets.Add(ResnetBlock.OfSkipBlock(options, layer == 0 ? inChannels : outChannels, outChannels));
            if (type.HasAttention())
            {
                attentions.Add(new AttentionBlock(options, outChannels, SkipBlocks.AttentionGroups, SkipBlocks.OutputScale,
                    legacyOrder: false));
            }
        }

        if (halves)
        {
            resnetDown = ResnetBlock.OfSkipBlock(options, outChannels, outChannels, Resampling.HalveSmoothly);
            imageConv = nn.Conv2d(SkipBlocks.ImageChannels, outChannels, 1);
        }

        register_module("attentions", attentions);
        register_module("resnets", resnets);
        register_module("resnet_down", resnetDown!);
        register_module("skip_conv", imageConv!);
    }

    /// <summary>Whether there is a level below.</summary>
    public bool Halves => resnetDown is not null;

    /// <inheritdoc/>
    public IEnumerable<nn.Module> Layers => resnetDown is null ? resnets : resnets.Append(resnetDown);

    /// <inheritdoc/>
    public bool Attends => attentions.Count > 0;

    /// <summary>
    /// Features <c>[B, inChannels, H, W]</c> and images <c>[B, 3, H/2, W/2]</c>, which the coarsest level ignores, to every
    /// layer's features <c>[B, outChannels, H, W]</c>, and the halved ones.
    /// </summary>
    public override IReadOnlyList<Tensor> forward(Tensor x, Tensor images, Tensor condition)
    {
        List<Tensor> features = [];
        for (int layer = 0; layer < resnets.Count; layer++)
        {
            x = new ResidualLayer(checkpoints, resnets[layer], attentions.Count > 0 ? attentions[layer] : null).Run(x, condition);
            features.Add(x);
        }

        if (resnetDown is not null && imageConv is not null)
        {
            using Tensor halved = new ResidualLayer(checkpoints, resnetDown).Run(x, condition); // [B, outChannels, H/2, W/2]
            using Tensor ofImages = imageConv.call(images);
            features.Add(ofImages.Plus(halved));
        }

        return features;
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }
}
