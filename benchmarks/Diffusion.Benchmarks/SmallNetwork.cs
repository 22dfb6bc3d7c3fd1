using Diffusion.Data;

namespace Diffusion.Benchmarks;

/// <summary>A U-Net of two levels with attention, small enough to train on two CPU cores.</summary>
internal static class SmallNetwork
{
    /// <summary>The network for images of a shape, always with the same initial weights.</summary>
    public static UNet2D For(ImageShape shape) => new(
        new UNet2DOptions
        {
            SampleSize = new SampleSize(shape.Height, shape.Width),
            InChannels = shape.Channels,
            OutChannels = shape.Channels,
            BlockOutChannels = [32, 64],
            LayersPerBlock = 1,
            DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
            UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
            AttentionHeadDim = 16,
            NormNumGroups = 8,
        },
        seed: 0);
}
