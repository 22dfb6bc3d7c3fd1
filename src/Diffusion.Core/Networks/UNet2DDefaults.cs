namespace Diffusion;

/// <summary>The network that <see cref="UNet2DOptions.ForImages"/> proposes for a size.</summary>
internal static class UNet2DDefaults
{
    private const int SmallestSize = 4;
    private const int LargestSize = 1024;
    private const int CoarsestTarget = 8;
    private const int CoarsestLimit = 32;
    private const int AttentionFrom = 16;

    // Channels by the number of levels: finer levels are cheap in channels, because they are dear in pixels.
    private static readonly int[][] Channels =
    [
        [128],
        [64, 128],
        [64, 128, 128],
        [64, 128, 128, 256],
        [64, 64, 128, 256, 256],
        [64, 64, 128, 128, 256, 256],
        [64, 64, 64, 128, 128, 256, 256],
        [64, 64, 64, 64, 128, 128, 256, 256],
    ];

    /// <summary>See <see cref="UNet2DOptions.ForImages"/>.</summary>
    public static UNet2DOptions ForImages(int size, int channels, int? classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, SmallestSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, LargestSize);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        int[] sizes = [.. Halvings(size)];
        if (sizes[^1] > CoarsestLimit)
        {
            int multiple = 1;
            while (size / multiple > CoarsestLimit)
            {
                multiple *= 2;
            }

            throw new ArgumentOutOfRangeException(
                nameof(size),
                size,
                $"Images of this size halve only down to {sizes[^1]} pixels, where attention is too expensive. Use a multiple of {multiple}, "
                + $"such as {size / multiple * multiple} or {((size / multiple) + 1) * multiple}.");
        }

        UNet2DOptions options = new()
        {
            SampleSize = size,
            InChannels = channels,
            OutChannels = channels,
            DownBlockTypes = [.. sizes.Select(s => s <= AttentionFrom ? DownBlockType.AttnDownBlock2D : DownBlockType.DownBlock2D)],
            UpBlockTypes = [.. sizes.Reverse().Select(s => s <= AttentionFrom ? UpBlockType.AttnUpBlock2D : UpBlockType.UpBlock2D)],
            BlockOutChannels = Channels[sizes.Length - 1],
            AttentionHeadDim = 32,
            NumClassEmbeds = classes,
        };
        options.Validate();
        return options;
    }

    private static IEnumerable<int> Halvings(int size)
    {
        yield return size;
        while (size > CoarsestTarget && size % 2 == 0)
        {
            size /= 2;
            yield return size;
        }
    }
}
