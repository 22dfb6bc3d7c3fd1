using Diffusion;

namespace Quickstart;

/// <summary>A network that learns small images within minutes on two CPU cores.</summary>
internal static class SmallModel
{
    /// <summary>A U-Net for square images; three levels where the size allows.</summary>
    public static UNet2D Create(ImageShape shape, int? classes, long seed)
    {
        int levels = shape.Height % 4 == 0 ? 3 : shape.Height % 2 == 0 ? 2 : 1;
        return new UNet2D(
            new UNet2DOptions
            {
                SampleSize = shape.Height,
                InChannels = shape.Channels,
                OutChannels = shape.Channels,
                BlockOutChannels = [.. new[] { 32, 64, 96 }.Take(levels)],
                DownBlockTypes = [.. Enumerable.Range(0, levels).Select(i => i < 2 ? DownBlockType.DownBlock2D : DownBlockType.AttnDownBlock2D)],
                UpBlockTypes = [.. Enumerable.Range(0, levels).Reverse().Select(i => i < 2 ? UpBlockType.UpBlock2D : UpBlockType.AttnUpBlock2D)],
                LayersPerBlock = 1,
                AttentionHeadDim = 32,
                NormNumGroups = 8,
                NumClassEmbeds = classes,
            },
            seed);
    }
}
