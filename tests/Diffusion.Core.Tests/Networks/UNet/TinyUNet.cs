namespace Diffusion.Core.Tests.Networks;

/// <summary>The smallest network that has every kind of layer.</summary>
internal static class TinyUNet
{
    public static UNet2DOptions Options { get; } = new()
    {
        SampleSize = 8,
        InChannels = 2,
        OutChannels = 2,
        BlockOutChannels = [4, 8],
        DownBlockTypes = [DownBlockType.DownBlock2D, DownBlockType.AttnDownBlock2D],
        UpBlockTypes = [UpBlockType.AttnUpBlock2D, UpBlockType.UpBlock2D],
        LayersPerBlock = 1,
        NormNumGroups = 4,
        AttentionHeadDim = 4,
    };
}
