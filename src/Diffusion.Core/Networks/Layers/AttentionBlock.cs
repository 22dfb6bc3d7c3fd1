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
    private readonly double outputScale;

    /// <summary>Builds the layers; without groups there is no normalization.</summary>
    public AttentionBlock(UNet2DOptions options, int channels, int? groups, double outputScale, bool legacyOrder)
        : base(nameof(AttentionBlock))
    {
        HeadsFirst = legacyOrder;

        // If the channels do not divide evenly, the heads together are narrower than the input.
        HeadChannels = options.AttentionHeadDim ?? channels;
        Heads = channels / HeadChannels;
        this.outputScale = outputScale;
        int inner = Heads * HeadChannels;
        if (groups is int count)
        {
            register_module("group_norm", groupNorm = GroupNormalization.Create(count, channels, options.NormEps));
        }

        register_module("to_q", toQuery = nn.Linear(channels, inner));
        register_module("to_k", toKey = nn.Linear(channels, inner));
        register_module("to_v", toValue = nn.Linear(channels, inner));
        register_module("to_out", new ModuleList<Linear>(toOut = nn.Linear(inner, channels)));
    }

    /// <summary>How many heads there are.</summary>
    public int Heads { get; }

    /// <summary>Channels of one head.</summary>
    public int HeadChannels { get; }

    /// <summary>
    /// Whether queries, keys and values are split after the heads: see <see cref="UNet2DOptions.AttentionLegacyOrder"/>.
    /// </summary>
    public bool HeadsFirst { get; }

    /// <summary><c>[B, C, H, W]</c> to the same.</summary>
    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor normalized = groupNorm is null ? x : groupNorm.call(x);
        Tensor pixels = normalized.flatten(2).transpose(1, 2).contiguous(); // [B, H * W, C]
        (Tensor query, Tensor key, Tensor value) = Split(toQuery.call(pixels), toKey.call(pixels), toValue.call(pixels));
        Tensor attended = Attention.Of(query, key, value); // [B, heads, H * W, headChannels]
        Tensor joined = attended.transpose(1, 2).flatten(2); // [B, H * W, inner]
        Tensor output = toOut.call(joined).transpose(1, 2).view(x.shape); // [B, C, H, W]
        Tensor sum = x.Plus(output);
        return (outputScale == 1 ? sum : sum.DivideBy(outputScale)).MoveToOuterDisposeScope();
    }

    /// <summary>The layers are registered in the constructor.</summary>
    protected override void RegisterComponents()
    {
    }

    private static Tensor Part(Tensor all, int index) => all.select(3, index).transpose(1, 2);

    // [B, H * W, inner] each, to [B, heads, H * W, headChannels] each
    private (Tensor Query, Tensor Key, Tensor Value) Split(Tensor query, Tensor key, Tensor value)
    {
        if (!HeadsFirst)
        {
            return (Cut(query), Cut(key), Cut(value));
        }

        // The three are concatenated and split into heads, and each head into its query, key and value.
        Tensor all = cat([query, key, value], 2).view(query.shape[0], query.shape[1], Heads, 3, HeadChannels);
        return (Part(all, 0), Part(all, 1), Part(all, 2));
    }

    private Tensor Cut(Tensor projected) =>
        projected.view(projected.shape[0], projected.shape[1], Heads, HeadChannels).transpose(1, 2);
}
