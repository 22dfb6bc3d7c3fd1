using Diffusion;

namespace Quickstart;

/// <summary>A network that learns small images within minutes on two CPU cores.</summary>
internal static class SmallModel
{
    /// <summary>A U-Net for the images; three levels if the size allows.</summary>
    public static UNet2D Create(ImageShape shape, int? classes, long seed)
    {
        int levels = Divide(4) ? 3 : Divide(2) ? 2 : 1;
        return new UNet2D(
            new UNet2DOptions
            {
                SampleSize = new SampleSize(shape.Height, shape.Width),
                InChannels = shape.Channels,
                OutChannels = shape.Channels,
                BlockOutChannels = [.. new[] { 24, 48, 96 }.Take(levels)],
                DownBlockTypes = [.. Enumerable.Range(0, levels)
                    .Select(i => i < 2 ? DownBlockType.DownBlock2D : DownBlockType.AttnDownBlock2D)],
                UpBlockTypes = [.. Enumerable.Range(0, levels).Reverse()
                    .Select(i => i < 2 ? UpBlockType.UpBlock2D : UpBlockType.AttnUpBlock2D)],
                LayersPerBlock = 1,
                AttentionHeadDim = 24,
                NormNumGroups = 8,
                NumClassEmbeds = classes,
            },
            seed);

        bool Divide(int by) => shape.Height % by == 0 && shape.Width % by == 0;
    }
}
