namespace Diffusion;

/// <summary>What an image file is decoded to, and how large it may be.</summary>
public sealed record ImageDecoding
{
    /// <summary>8192 x 8192 pixels, 64 megapixels: 256 MiB while an image is being decoded.</summary>
    public const long DefaultPixelLimit = 8192L * 8192;

    /// <summary>
    /// 1 for gray, 3 for RGB, independent of the file. Color becomes gray by the weights 0.299, 0.587, 0.114 (ITU-R BT.601). Default 3.
    /// </summary>
    public int Channels { get; init; } = 3;

    /// <summary>The background of transparent images. Default white.</summary>
    public RgbColor Background { get; init; } = RgbColor.White;

    /// <summary>
    /// The maximum number of pixels, width times height. A larger image is refused before memory is allocated for it.
    /// </summary>
    public long PixelLimit { get; init; } = DefaultPixelLimit;
}
