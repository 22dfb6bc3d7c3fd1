namespace Diffusion;

/// <summary>The network of <see cref="UNet2DOptions.ForImages(ImageShape, UNet2DSize, int?)"/>.</summary>
internal static class UNet2DDefaults
{
    private const int MinSize = 4;
    private const int MaxSize = 1024;
    private const int CoarsestTarget = 8;
    private const int CoarsestLimit = 32;
    private const int AttentionFrom = 16;

    // Channels by the number of levels: finer levels have fewer channels because they have more pixels.
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

    /// <summary>See <see cref="UNet2DOptions.ForImages(ImageShape, UNet2DSize, int?)"/>.</summary>
    public static UNet2DOptions ForImages(ImageShape images, UNet2DSize size, int? classes)
    {
        Check(images, size);
        ImageShape[] levels = [.. Halvings(images)];
        int count = levels.Length;
        UNet2DOptions medium = new()
        {
            SampleSize = new SampleSize(images.Height, images.Width),
            InChannels = images.Channels,
            OutChannels = images.Channels,
            DownBlockTypes = [.. levels.Select(level => HasAttention(level) ? DownBlockType.AttnDownBlock2D : DownBlockType.DownBlock2D)],
            UpBlockTypes = [.. levels.Reverse().Select(level => HasAttention(level) ? UpBlockType.AttnUpBlock2D : UpBlockType.UpBlock2D)],
            BlockOutChannels = Channels[count - 1],
            AttentionHeadDim = 32,
            NumClassEmbeds = classes,
        };
        UNet2DOptions options = size switch
        {
            UNet2DSize.Small => medium with
            {
                BlockOutChannels = [.. medium.BlockOutChannels.Select(channels => channels / 2)],
                LayersPerBlock = 1,
                AttentionHeadDim = 16,
                NormNumGroups = 8,
            },
            UNet2DSize.Large => medium with { BlockOutChannels = [.. medium.BlockOutChannels.Select(channels => channels * 2)] },
            _ => medium,
        };
        options.Validate();
        return options;
    }

    private static void Check(ImageShape images, UNet2DSize size)
    {
        if (!Enum.IsDefined(size))
        {
            throw new ArgumentOutOfRangeException(nameof(size), size, "Use Small, Medium or Large.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(images.Channels, 1, nameof(images));
        if (Math.Min(images.Height, images.Width) < MinSize || LongerSide(images) > MaxSize)
        {
            throw new ArgumentOutOfRangeException(
                nameof(images), images,
                    $"Height and width must each be in {MinSize}..{MaxSize} pixels. Open the images with another size.");
        }

        int coarsest = LongerSide(Halvings(images).Last());
        if (coarsest > CoarsestLimit)
        {
            int multiple = 1;
            while (LongerSide(images) / multiple > CoarsestLimit)
            {
                multiple *= 2;
            }

            int odd = images.Height % multiple != 0 ? images.Height : images.Width;
            int below = odd / multiple * multiple;
            throw new ArgumentOutOfRangeException(
                nameof(images),
                images,
                $"Images of this size halve only down to {coarsest} pixels, where attention is too expensive. Use multiples of {multiple}, "
                + (below >= MinSize ? $"such as {below} or {below + multiple} for {odd}." : $"such as {below + multiple} for {odd}."));
        }
    }

    private static IEnumerable<ImageShape> Halvings(ImageShape images)
    {
        yield return images;
        while (LongerSide(images) > CoarsestTarget && images.Height % 2 == 0 && images.Width % 2 == 0)
        {
            images = images with { Height = images.Height / 2, Width = images.Width / 2 };
            yield return images;
        }
    }

    private static bool HasAttention(ImageShape level) => LongerSide(level) <= AttentionFrom;

    private static int LongerSide(ImageShape images) => Math.Max(images.Height, images.Width);
}
