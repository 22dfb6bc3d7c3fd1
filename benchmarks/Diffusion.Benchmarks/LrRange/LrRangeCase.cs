using Diffusion.Data;
using Diffusion.Training;
using Samples;

namespace Diffusion.Benchmarks;

/// <summary>A model and a dataset on which a suggested learning rate is compared with others.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Channels">The channels of the U-Net's levels; the last level has attention.</param>
/// <param name="Prediction">What the network predicts.</param>
/// <param name="Open">Opens the images, or gives null if they are not available.</param>
internal sealed record LrRangeCase(string Name, int[] Channels, PredictionType Prediction, Func<IImageSource?> Open)
{
    private const int Size = 16;
    private const int DrawnImages = 2000;

    /// <summary>The cases that are measured.</summary>
    public static IReadOnlyList<LrRangeCase> All { get; } =
    [
        new("hand signs, channels 16/32", [16, 32], PredictionType.Epsilon, () => Photos("sign-digits")),
        new("drawn shapes, channels 32/64", [32, 64], PredictionType.Velocity, () => DrawnShapes.Create(DrawnImages, Size)),
        new("tiles, channels 24/48/48", [24, 48, 48], PredictionType.Epsilon, () => Photos("dcss-tiles")),
        new("tiles, channels 64", [64], PredictionType.Velocity, () => Photos("dcss-tiles")),
        new("hand signs, channels 24/48", [24, 48], PredictionType.Edm, () => Photos("sign-digits")),
        new("drawn shapes, channels 32/64, Muon", [32, 64], PredictionType.Velocity, () => DrawnShapes.Create(DrawnImages, Size))
        {
            Optimizer = Optimizers.Muon(),
        },
    ];

    /// <summary>The optimizer.</summary>
    public IOptimizerFactory Optimizer { get; init; } = Optimizers.AdamW();

    /// <summary>The network with its initial weights, which are the same each time.</summary>
    public UNet2D CreateModel() => new(
        new UNet2DOptions
        {
            SampleSize = Size,
            BlockOutChannels = Channels,
            DownBlockTypes = [.. Enumerable.Repeat(DownBlockType.DownBlock2D, Channels.Length - 1), DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, .. Enumerable.Repeat(UpBlockType.UpBlock2D, Channels.Length - 1)],
            LayersPerBlock = 1,
            AttentionHeadDim = 16,
            NormNumGroups = 8,
        },
        seed: 0);

    private static InMemoryImages? Photos(string set)
    {
        string? folder = Environment.GetEnvironmentVariable("DIFFUSION_DATA") is { } data ? Path.Combine(data, set, "images") : null;
        return Directory.Exists(folder) ? InMemoryImages.Load(ImageFolder.Open(folder, Size)) : null;
    }
}
