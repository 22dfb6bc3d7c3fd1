using Diffusion.Data;
using Diffusion.Training;
using Samples;

namespace Diffusion.Benchmarks;

/// <summary>A run whose time is planned.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Channels">The channels of the U-Net's levels; the last level has attention.</param>
/// <param name="Batch">Images per step.</param>
/// <param name="MicroBatch">Images per pass.</param>
/// <param name="HeldOut">The fraction of held-out images, which are measured every 20 steps.</param>
/// <param name="Open">Opens the images, or gives null if they are not available.</param>
internal sealed record PlanCase(string Name, int[] Channels, int Batch, int MicroBatch, double HeldOut, Func<IImageSource?> Open)
{
    /// <summary>
    /// All cases: images in memory, several passes with held-out images, and files that take longer than the network.
    /// </summary>
    public static IReadOnlyList<PlanCase> All { get; } =
    [
        new("drawn shapes of 32 pixels", [24, 48, 96], 16, 16, 0, () => DrawnShapes.Create(2000, 32)),
        new("drawn shapes of 16 pixels, four passes, 500 held out", [16, 32], 32, 8, 0.25, () => DrawnShapes.Create(2000, 16)),
        new("photographs of 100 pixels to 32, from files", [24, 48, 96], 16, 16, 0, () => Photos("sign-digits", 32)),
        new("photographs of 100 pixels to 8, from files, a network of one level", [8], 64, 64, 0, () => Photos("sign-digits", 8)),
    ];

    /// <summary>The network.</summary>
    public UNet2D CreateModel(ImageShape shape) => new(new UNet2DOptions
    {
        SampleSize = new SampleSize(shape.Height, shape.Width),
        BlockOutChannels = Channels,
        DownBlockTypes = [.. Enumerable.Repeat(DownBlockType.DownBlock2D, Channels.Length - 1), DownBlockType.AttnDownBlock2D],
        UpBlockTypes = [UpBlockType.AttnUpBlock2D, .. Enumerable.Repeat(UpBlockType.UpBlock2D, Channels.Length - 1)],
        LayersPerBlock = 1,
        AttentionHeadDim = 8,
        NormNumGroups = 8,
    });

    private static ImageFolder? Photos(string set, int size)
    {
        string? folder = Environment.GetEnvironmentVariable("DIFFUSION_DATA") is { } data ? Path.Combine(data, set, "images") : null;
        return Directory.Exists(folder) ? ImageFolder.Open(folder, size) : null;
    }
}
