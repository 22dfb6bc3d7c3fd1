namespace Diffusion.Tool.RunFiles;

/// <summary>
/// The options of <see cref="UNet2DOptions"/> by their names, in place of those that the size of the network chooses. Null, the default,
/// for those. Images, objective and classes determine the channels of images and output, and the number of classes.
/// </summary>
internal sealed class UNetSection
{
    /// <summary>The value of <see cref="AttentionHeadDim"/> for one head of all channels.</summary>
    public const int OneHead = 0;

    /// <summary>Channels of each level, finest first.</summary>
    public int[]? BlockOutChannels { get; set; }

    /// <summary>What each level does on the way down, finest first.</summary>
    public DownBlockType[]? DownBlockTypes { get; set; }

    /// <summary>What each level does on the way up, coarsest first.</summary>
    public UpBlockType[]? UpBlockTypes { get; set; }

    /// <summary>Residual blocks per level on the way down, one more on the way up.</summary>
    public int? LayersPerBlock { get; set; }

    /// <summary>The fraction of features that each residual block drops in training, 0 to below 1.</summary>
    public double? Dropout { get; set; }

    /// <summary>Channels of one attention head; 0 for one head of all channels.</summary>
    public int? AttentionHeadDim { get; set; }

    /// <summary>Whether the middle has attention.</summary>
    public bool? AddAttention { get; set; }

    /// <summary>Whether there are blocks in the middle.</summary>
    public bool? HasMidBlock { get; set; }

    /// <summary>The divisor of the sums in the middle.</summary>
    public double? MidBlockScaleFactor { get; set; }

    /// <summary>Groups of every normalization.</summary>
    public int? NormNumGroups { get; set; }

    /// <summary>Groups of the normalization before the attention in the middle.</summary>
    public int? AttnNormNumGroups { get; set; }

    /// <summary>The epsilon that normalizations add to the variance.</summary>
    public double? NormEps { get; set; }

    /// <summary>The non-linearity of the residual blocks.</summary>
    public Activation? ActFn { get; set; }

    /// <summary>How the time embedding enters a residual block.</summary>
    public TimeScaleShift? ResnetTimeScaleShift { get; set; }

    /// <summary>How levels with attention halve their images.</summary>
    public ResamplingType? DownsampleType { get; set; }

    /// <summary>How levels with attention double their images.</summary>
    public ResamplingType? UpsampleType { get; set; }

    /// <summary>1 pads all sides of a strided convolution, 0 only the right and the bottom.</summary>
    public int? DownsamplePadding { get; set; }

    /// <summary>How the noise level is embedded.</summary>
    public TimeEmbeddingType? TimeEmbeddingType { get; set; }

    /// <summary>The size of the time embedding.</summary>
    public int? TimeEmbeddingDim { get; set; }

    /// <summary>The number of vectors of a learned time embedding, which requires it.</summary>
    public int? NumTrainTimesteps { get; set; }

    /// <summary>Frequency i of a positional embedding is 10000^(-i / (half - shift)).</summary>
    public double? FreqShift { get; set; }

    /// <summary>Whether cosines of a positional embedding come before sines.</summary>
    public bool? FlipSinToCos { get; set; }

    /// <summary>Whether the network takes images in [0, 1] and scales them to [-1, 1].</summary>
    public bool? CenterInputSample { get; set; }

    /// <summary>Whether queries, keys and values are split after the heads.</summary>
    public bool? AttentionLegacyOrder { get; set; }

    /// <summary>The options with the values of this section.</summary>
    /// <param name="usual">Those that the size of the network chose.</param>
    public UNet2DOptions Apply(UNet2DOptions usual) => usual with
    {
        BlockOutChannels = BlockOutChannels ?? usual.BlockOutChannels,
        DownBlockTypes = DownBlockTypes ?? usual.DownBlockTypes,
        UpBlockTypes = UpBlockTypes ?? usual.UpBlockTypes,
        LayersPerBlock = LayersPerBlock ?? usual.LayersPerBlock,
        Dropout = Dropout ?? usual.Dropout,
        AttentionHeadDim = AttentionHeadDim == OneHead ? null : AttentionHeadDim ?? usual.AttentionHeadDim,
        AddAttention = AddAttention ?? usual.AddAttention,
        HasMidBlock = HasMidBlock ?? usual.HasMidBlock,
        MidBlockScaleFactor = MidBlockScaleFactor ?? usual.MidBlockScaleFactor,
        NormNumGroups = NormNumGroups ?? usual.NormNumGroups,
        AttnNormNumGroups = AttnNormNumGroups ?? usual.AttnNormNumGroups,
        NormEps = NormEps ?? usual.NormEps,
        ActFn = ActFn ?? usual.ActFn,
        ResnetTimeScaleShift = ResnetTimeScaleShift ?? usual.ResnetTimeScaleShift,
        DownsampleType = DownsampleType ?? usual.DownsampleType,
        UpsampleType = UpsampleType ?? usual.UpsampleType,
        DownsamplePadding = DownsamplePadding ?? usual.DownsamplePadding,
        TimeEmbeddingType = TimeEmbeddingType ?? usual.TimeEmbeddingType,
        TimeEmbeddingDim = TimeEmbeddingDim ?? usual.TimeEmbeddingDim,
        NumTrainTimesteps = NumTrainTimesteps ?? usual.NumTrainTimesteps,
        FreqShift = FreqShift ?? usual.FreqShift,
        FlipSinToCos = FlipSinToCos ?? usual.FlipSinToCos,
        CenterInputSample = CenterInputSample ?? usual.CenterInputSample,
        AttentionLegacyOrder = AttentionLegacyOrder ?? usual.AttentionLegacyOrder,
    };
}
