using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>A training run whose memory is estimated and measured.</summary>
/// <param name="Name">What is special about it.</param>
/// <param name="Size">Height and width of the images in pixels.</param>
/// <param name="Batch">Images per step.</param>
/// <param name="Channels">Channels of each level.</param>
/// <param name="Attention">The first level with attention; the middle always has it.</param>
internal sealed record MemoryCase(string Name, int Size, int Batch, int[] Channels, int Attention)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<MemoryCase> All { get; } =
    [
        new("digits", 28, 64, [32, 64, 64], 2) { ImageChannels = 1, Classes = 10 },
        new("digits, one layer", 28, 128, [24, 48, 96], 2) { ImageChannels = 1, Layers = 1, Groups = 8 },
        new("proposed", 28, 32, [64, 128, 128], 1) { ImageChannels = 1 },
        new("small batch", 32, 4, [64, 128, 128], 1),
        new("proposed", 32, 64, [64, 128, 128], 1),
        new("dropout", 32, 64, [32, 64, 128], 2) { Dropout = 0.1 },
        new("three averages", 32, 16, [64, 128, 256], 1) { Averages = 3 },
        new("no average", 32, 32, [32, 64, 64], 2) { Averages = 0 },
        new("saved meanwhile", 32, 16, [64, 128, 256], 1) { Saves = true },
        new("attention everywhere", 32, 32, [32, 64, 64], 0),
        new("scale and shift", 32, 64, [32, 64, 64], 2) { ScaleShift = true },
        new("residual resizing", 32, 64, [32, 64, 64], 3) { ResidualResizing = true },
        new("three layers", 48, 16, [32, 64, 96], 2) { Layers = 3, Classes = 5 },
        new("proposed", 64, 16, [64, 128, 128, 256], 2),
        new("gray, no attention", 64, 32, [32, 32, 64, 64], 4) { ImageChannels = 1 },
        new("mish and dropout", 64, 16, [32, 64, 64, 128], 2) { Activation = Activation.Mish, Dropout = 0.2 },
        new("relu", 64, 16, [32, 64, 64, 128], 3) { Activation = Activation.Relu },
        new("wide and deep", 64, 4, [64, 128, 256, 256], 2) { Layers = 3, Averages = 2 },
        new("attention at 32 pixels", 128, 8, [32, 64, 64, 64], 2),
        new("proposed", 128, 2, [64, 64, 128, 256, 256], 3),
        new("one image", 128, 1, [32, 64, 64, 128], 3) { ImageChannels = 1 },
        new("narrow", 128, 16, [32, 32, 32, 64], 3) { Layers = 1 },
        new("narrow", 256, 4, [32, 32, 32, 64, 64], 4) { Layers = 1 },
        new("two layers", 256, 2, [32, 32, 64, 64, 128], 4),
        new("eight channels", 256, 8, [16, 16, 32, 32, 64], 4) { Layers = 1, ImageChannels = 1, Groups = 8 },
        new("digits, checkpointed", 28, 64, [32, 64, 64], 2) { ImageChannels = 1, Classes = 10, Checkpointing = GradientCheckpointing.All },
        new("proposed, checkpointed", 32, 64, [64, 128, 128], 1) { Checkpointing = GradientCheckpointing.All },
        new("dropout, scale and shift, checkpointed", 32, 64, [32, 64, 128], 2)
        {
            Dropout = 0.1, ScaleShift = true, Checkpointing = GradientCheckpointing.All,
        },
        new("three layers, residual resizing, checkpointed", 48, 16, [32, 64, 96], 3) { Layers = 3, ResidualResizing = true,
            Checkpointing = GradientCheckpointing.All },
        new("proposed, checkpointed", 64, 16, [64, 128, 128, 256], 2) { Checkpointing = GradientCheckpointing.All },
        new("wide and deep, checkpointed", 64, 4, [64, 128, 256, 256], 2)
        {
            Layers = 3, Averages = 2, Checkpointing = GradientCheckpointing.All,
        },
        new("attention at 32 pixels, checkpointed", 128, 8, [32, 64, 64, 64], 2) { Checkpointing = GradientCheckpointing.All },
        new("two layers, checkpointed", 256, 2, [32, 32, 64, 64, 128], 4) { Checkpointing = GradientCheckpointing.All },
        new("proposed, bfloat16", 32, 64, [64, 128, 128], 1) { Precision = Precision.BFloat16 },
        new("three layers, bfloat16", 48, 16, [32, 64, 96], 2) { Layers = 3, Classes = 5, Precision = Precision.BFloat16 },
        new("wide and deep, bfloat16", 64, 4, [64, 128, 256, 256], 2) { Layers = 3, Averages = 2, Precision = Precision.BFloat16 },
        new("proposed, checkpointed, bfloat16", 64, 16, [64, 128, 128, 256], 2) { Checkpointing = GradientCheckpointing.All,
            Precision = Precision.BFloat16 },
        new("attention at 32 pixels, bfloat16", 128, 8, [32, 64, 64, 64], 2) { Precision = Precision.BFloat16 },
        new("proposed, blocks with attention", 32, 64, [64, 128, 128], 1) { Checkpointing = GradientCheckpointing.Attention },
        new("attention at 32 pixels, its blocks", 128, 8, [32, 64, 64, 64], 2) { Checkpointing = GradientCheckpointing.Attention },
        new("proposed, fits 1300 MiB", 32, 64, [64, 128, 128], 1) { Checkpointing = GradientCheckpointing.Fit, BudgetMebibytes = 1300 },
        new("proposed, fits 1000 MiB", 32, 64, [64, 128, 128], 1) { Checkpointing = GradientCheckpointing.Fit, BudgetMebibytes = 1000 },
        new("two layers, fits 800 MiB", 256, 2, [32, 32, 64, 64, 128], 4)
        {
            Checkpointing = GradientCheckpointing.Fit, BudgetMebibytes = 800,
        },
    ];

    public int ImageChannels { get; init; } = 3;

    public int Layers { get; init; } = 2;

    public int Groups { get; init; } = 32;

    public int? Classes { get; init; }

    public int Averages { get; init; } = 1;

    public double Dropout { get; init; }

    public bool Saves { get; init; }

    public bool ScaleShift { get; init; }

    public bool ResidualResizing { get; init; }

    public GradientCheckpointing Checkpointing { get; init; }

    /// <summary>The memory that gradient checkpointing is to fit, in MiB.</summary>
    public long? BudgetMebibytes { get; init; }

    public Precision Precision { get; init; }

    public Activation Activation { get; init; } = Activation.Silu;

    /// <summary>The network.</summary>
    public UNet2DOptions Network => new()
    {
        InChannels = ImageChannels,
        OutChannels = ImageChannels,
        BlockOutChannels = Channels,
        DownBlockTypes = [.. Channels.Select((_, level) => level >= Attention ? DownBlockType.AttnDownBlock2D
            : ResidualResizing ? DownBlockType.ResnetDownsampleBlock2D : DownBlockType.DownBlock2D)],
        UpBlockTypes = [.. Channels.Select((_, level) => level >= Attention ? UpBlockType.AttnUpBlock2D
            : ResidualResizing ? UpBlockType.ResnetUpsampleBlock2D : UpBlockType.UpBlock2D).Reverse()],
        LayersPerBlock = Layers,
        NormNumGroups = Groups,
        AttentionHeadDim = 32,
        NumClassEmbeds = Classes,
        Dropout = Dropout,
        ActFn = Activation,
        ResnetTimeScaleShift = ScaleShift ? TimeScaleShift.ScaleShift : TimeScaleShift.Default,
    };

    /// <summary>The library's estimate.</summary>
    public MemoryEstimate Estimate() =>
        new MemoryEstimator(Network, ImageShape.Square(Size, ImageChannels)) { Averages = Averages, CopiesForSaving = Saves,
            GradientCheckpointing = Checkpointing, MemoryBudgetBytes = BudgetMebibytes << 20, Precision = Precision }.Estimate(Batch);
}
