namespace Diffusion;

/// <summary>
/// Common parts of blocks with a separate path for images (diffusers' Skip blocks; NCSN++ of Song et al. 2021).
/// </summary>
internal static class SkipBlocks
{
    /// <summary>Channels of the images on their separate path, in and out.</summary>
    public const int ImageChannels = 3;

    /// <summary>Groups of the normalization before attention.</summary>
    public const int AttentionGroups = 32;

    private const int MaxGroups = 32;

    /// <summary>The divisor of sums, which keeps their variance.</summary>
    public static readonly double OutputScale = Math.Sqrt(2);

    public static bool IsSkip(this DownBlockType type) => type is DownBlockType.SkipDownBlock2D or DownBlockType.AttnSkipDownBlock2D;

    public static bool IsSkip(this UpBlockType type) => type is UpBlockType.SkipUpBlock2D or UpBlockType.AttnSkipUpBlock2D;

    public static bool HasAttention(this DownBlockType type) => type is DownBlockType.AttnDownBlock2D or DownBlockType.AttnSkipDownBlock2D;

    public static bool HasAttention(this UpBlockType type) => type is UpBlockType.AttnUpBlock2D or UpBlockType.AttnSkipUpBlock2D;

    /// <summary>Groups of a normalization over these channels.</summary>
    public static int Groups(int channels) => Math.Min(channels / 4, MaxGroups);

    /// <summary>Groups of a normalization over channels from below concatenated with those of the skip connection.</summary>
    public static int JoinedGroups(UpBlockType type, int below, int across) =>
        type == UpBlockType.AttnSkipUpBlock2D ? Math.Min(below + (across / 4), MaxGroups) : Groups(below + across);
}
