namespace Diffusion;

/// <summary>
/// The architecture of a <see cref="UNet2D"/>, with the options, names and defaults of diffusers' <c>UNet2DModel</c>; its
/// <c>config.json</c> reads and writes through <see cref="FromJson"/> and <see cref="ToJson"/>. For a model to train, start from
/// <see cref="ForImages(ImageShape, UNet2DSize, int?)"/>. Two are equal when they describe the same network.
/// </summary>
public sealed record UNet2DOptions
{
    /// <summary>The size of images that the network was built for, or null; it also takes other sizes.</summary>
    public SampleSize? SampleSize { get; init; }

    /// <summary>Channels of the noisy images; 3 by default.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the output; 3 by default. A diffusion model needs as many as <see cref="InChannels"/>.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Whether the network takes images in [0, 1] and scales them to [-1, 1]; false by default.</summary>
    public bool CenterInputSample { get; init; }

    /// <summary>How the noise level is embedded; <see cref="Diffusion.TimeEmbeddingType.Positional"/> by default.</summary>
    public TimeEmbeddingType TimeEmbeddingType { get; init; } = TimeEmbeddingType.Positional;

    /// <summary>The size of the time embedding; by default (null) four times the first of <see cref="BlockOutChannels"/>.</summary>
    public int? TimeEmbeddingDim { get; init; }

    /// <summary>Positional only: frequency i is 10000^(-i / (half - shift)); 0 by default, 1 in the first DDPM models.</summary>
    public double FreqShift { get; init; }

    /// <summary>Positional only: whether cosines come before sines; true by default.</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>
    /// What each level does on the way down, finest first; by default four levels, of which all but the first have attention.
    /// </summary>
    public IReadOnlyList<DownBlockType> DownBlockTypes { get; init; } =
        [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D, DownBlockType.AttnDownBlock2D, DownBlockType.AttnDownBlock2D];

    /// <summary>Whether there are residual blocks (and attention) between the way down and the way up; true by default.</summary>
    public bool HasMidBlock { get; init; } = true;

    /// <summary>
    /// What each level does on the way up, coarsest first; by default four levels, of which all but the last have attention.
    /// </summary>
    public IReadOnlyList<UpBlockType> UpBlockTypes { get; init; } =
        [UpBlockType.AttnUpBlock2D, UpBlockType.AttnUpBlock2D, UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D];

    /// <summary>
    /// Channels of each level, finest first; each a multiple of <see cref="NormNumGroups"/>, except in blocks named Skip. By default 224,
    /// 448, 672 and 896.
    /// </summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [224, 448, 672, 896];

    /// <summary>Residual blocks per level on the way down, one more on the way up; 2 by default.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>The divisor of the sums in the middle; 1 by default.</summary>
    public double MidBlockScaleFactor { get; init; } = 1;

    /// <summary>1 pads all sides of a strided convolution (the default), 0 only the right and the bottom.</summary>
    public int DownsamplePadding { get; init; } = 1;

    /// <summary>How <see cref="DownBlockType.AttnDownBlock2D"/> halves its images; with a convolution by default.</summary>
    public ResamplingType DownsampleType { get; init; } = ResamplingType.Conv;

    /// <summary>How <see cref="UpBlockType.AttnUpBlock2D"/> doubles its images; with a convolution by default.</summary>
    public ResamplingType UpsampleType { get; init; } = ResamplingType.Conv;

    /// <summary>The fraction of features that each residual block drops in training, 0 to below 1; 0 by default.</summary>
    public double Dropout { get; init; }

    /// <summary>The non-linearity of the residual blocks; <see cref="Activation.Silu"/> by default.</summary>
    public Activation ActFn { get; init; } = Activation.Silu;

    /// <summary>Channels of one attention head; null is one head of all channels. 8 by default.</summary>
    public int? AttentionHeadDim { get; init; } = 8;

    /// <summary>Groups of every normalization, except in blocks named Skip; 32 by default.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>
    /// Groups of the normalization before the attention in the middle. By default (null) <see cref="NormNumGroups"/>, and with
    /// <see cref="Diffusion.TimeScaleShift.ScaleShift"/> no normalization there.
    /// </summary>
    public int? AttnNormNumGroups { get; init; }

    /// <summary>The epsilon that normalizations add to the variance; 1e-5 by default.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>How the time embedding enters a residual block; by default it is added.</summary>
    public TimeScaleShift ResnetTimeScaleShift { get; init; } = TimeScaleShift.Default;

    /// <summary>Whether the middle has attention; true by default.</summary>
    public bool AddAttention { get; init; } = true;

    /// <summary>What class labels are; null (the default) for indices below <see cref="NumClassEmbeds"/>, or for none.</summary>
    public ClassEmbedType? ClassEmbedType { get; init; }

    /// <summary>How many classes have a learned embedding; null (the default) for an unconditional model.</summary>
    public int? NumClassEmbeds { get; init; }

    /// <summary>
    /// The number of vectors of a <see cref="Diffusion.TimeEmbeddingType.Learned"/> time embedding, which requires it. Other networks
    /// ignore it.
    /// </summary>
    public int? NumTrainTimesteps { get; init; }

    /// <summary>
    /// Whether queries, keys and values are split after the heads, as in the guided-diffusion models of Dhariwal and Nichol (2021);
    /// false by default. Then the attention in the middle has <see cref="NormNumGroups"/> groups. Blocks named Skip do not depend on it.
    /// </summary>
    public bool AttentionLegacyOrder { get; init; }

    /// <summary>The number that must divide the height and width of images: 2^(levels - 1).</summary>
    public int SizeMultiple => 1 << (BlockOutChannels.Count - 1);

    /// <summary>The groups of the normalization before the attention in the middle; null where there is no normalization.</summary>
    internal int? MidAttentionGroups => AttentionLegacyOrder
        ? NormNumGroups
        : AttnNormNumGroups ?? (ResnetTimeScaleShift == TimeScaleShift.Default ? NormNumGroups : null);

    /// <summary>The size of a label's embedding before the first linear layer.</summary>
    internal int LabelChannels => TimeEmbeddingType == TimeEmbeddingType.Fourier ? 2 * BlockOutChannels[0] : BlockOutChannels[0];

    /// <summary>The size of the time embedding.</summary>
    internal int TimeChannels => TimeEmbeddingDim ?? 4 * BlockOutChannels[0];

    /// <summary>Whether the network is conditioned on a class of any kind.</summary>
    internal bool HasClasses => ClassEmbedType is not null || NumClassEmbeds is not null;

    /// <summary>A good first network for images; see the remarks for its levels and parameters.</summary>
    /// <param name="images">
    /// The shape of the images, such as that of an image source. Height and width are 4 to 1024 pixels, and halve without remainder until
    /// both are at most 32.
    /// </param>
    /// <param name="size">The size of the network. Choose it for the device that trains.</param>
    /// <param name="classes">How many classes to condition on, such as that of an image source; null for none.</param>
    /// <remarks>
    /// The levels halve the images until they are 8 pixels or less; levels of 16 pixels or less have self-attention, and so has the middle.
    /// Small has one residual block per level and heads of 16 channels; Medium and Large have two, and heads of 32. For square images with
    /// three channels:
    /// <list type="table">
    /// <listheader><term>pixels</term><description>channels of the levels of Medium; parameters of Small, Medium, Large in
    /// millions</description></listheader>
    /// <item><term>4 to 8</term><description>128; 0.7, 3.8, 15.2</description></item>
    /// <item><term>28, 32</term><description>64, 128, 128; 1.2, 6.8, 27.2</description></item>
    /// <item><term>64</term><description>64, 128, 128, 256; 3.2, 18.5, 74.1</description></item>
    /// <item><term>128</term><description>64, 64, 128, 256, 256; 4.6, 27.3, 109</description></item>
    /// <item><term>256</term><description>64, 64, 128, 128, 256, 256; 5.0, 29.8, 119</description></item>
    /// </list>
    /// One thread of an Intel Xeon trained Small, Medium and Large on 46, 10.8 and 3.4 images per second at 28 pixels and batch 16, on 36,
    /// 8.7 and 2.6 at 32 pixels and batch 16, on 8.3, 1.9 and 0.5 at 64 pixels and batch 4 (2026-11-28, beside other work). Larger images,
    /// and GPUs, are not measured.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The images do not halve far enough, or a number is out of range.</exception>
    public static UNet2DOptions ForImages(ImageShape images, UNet2DSize size, int? classes) =>
        UNet2DDefaults.ForImages(images, size, classes);

    /// <summary>The same for square images.</summary>
    /// <param name="size">Height and width in pixels.</param>
    /// <param name="channels">1 for gray, 3 for RGB.</param>
    /// <param name="networkSize">The size of the network.</param>
    /// <param name="classes">How many classes to condition on. Null, the default, for none.</param>
    /// <inheritdoc cref="ForImages(ImageShape, UNet2DSize, int?)" path="/remarks"/>
    /// <inheritdoc cref="ForImages(ImageShape, UNet2DSize, int?)" path="/exception"/>
    public static UNet2DOptions ForImages(int size, int channels, UNet2DSize networkSize, int? classes = null) =>
        ForImages(ImageShape.Square(size, channels), networkSize, classes);

    /// <summary>Reads a <c>config.json</c> of diffusers' <c>UNet2DModel</c>. Missing options have their defaults.</summary>
    /// <param name="json">The text of the file.</param>
    /// <exception cref="FormatException">
    /// The text is not a JSON object, or has keys or values that are not supported; the message names every one and what is supported.
    /// </exception>
    public static UNet2DOptions FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return UNet2DJson.Read(json);
    }

    /// <summary>Writes a <c>config.json</c> as diffusers reads it: every option, always in the same order, on one line.</summary>
    public string ToJson() => UNet2DJson.Write(this);

    /// <summary>Lists the problems of these options, each with its remedy; empty when a network can be built.</summary>
    public IReadOnlyList<string> Problems() => UNet2DRules.Problems(this);

    /// <summary>Refuses options that no network can be built from.</summary>
    /// <exception cref="ArgumentException">Lists every problem.</exception>
    public void Validate()
    {
        IReadOnlyList<string> problems = Problems();
        if (problems.Count > 0)
        {
            throw new ArgumentException(
                $"No U-Net can be built with these options:{Environment.NewLine}- {string.Join($"{Environment.NewLine}- ", problems)}");
        }
    }

    /// <summary>Whether both describe the same network.</summary>
    /// <param name="other">The other.</param>
    public bool Equals(UNet2DOptions? other) => other is not null && ToJson() == other.ToJson();

    /// <inheritdoc/>
    public override int GetHashCode() => ToJson().GetHashCode(StringComparison.Ordinal);
}
