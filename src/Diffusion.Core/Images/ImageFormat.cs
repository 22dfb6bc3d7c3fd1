using SkiaSharp;

namespace Diffusion;

/// <summary>A format of image files: <see cref="Png"/>, <see cref="Jpeg"/> or <see cref="WebP"/>.</summary>
public sealed record ImageFormat
{
    private const int MaxJpegSide = 65_535;
    private const int MaxWebPSide = 16_383;

    private readonly int maxSide;
    private readonly Func<SKPixmap, SKData?> encode;

    private ImageFormat(string name, string mediaType, int? quality, int maxSide, Func<SKPixmap, SKData?> encode)
    {
        (Name, MediaType, Quality) = (name, mediaType, quality);
        (this.maxSide, this.encode) = (maxSide, encode);
    }

    /// <summary>PNG, without loss.</summary>
    public static ImageFormat Png { get; } =
        new("PNG", "image/png", quality: null, int.MaxValue, pixmap => pixmap.Encode(SKPngEncoderOptions.Default));

    /// <summary>WebP without loss; smaller than PNG and slower to write.</summary>
    public static ImageFormat LosslessWebP { get; } = new("WebP", "image/webp", quality: null, MaxWebPSide,
        pixmap => pixmap.Encode(new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, quality: 75)));

    /// <summary>The name of the format: <c>PNG</c>, <c>JPEG</c> or <c>WebP</c>.</summary>
    public string Name { get; }

    /// <summary>The media type for HTTP: <c>image/png</c>, <c>image/jpeg</c> or <c>image/webp</c>.</summary>
    public string MediaType { get; }

    /// <summary>The quality, 1 to 100; null for a format without loss.</summary>
    public int? Quality { get; }

    /// <summary>JPEG.</summary>
    /// <param name="quality">From 1, the smallest file, to 100. Default 90.</param>
    /// <exception cref="ArgumentOutOfRangeException">The quality is not in 1..100.</exception>
    public static ImageFormat Jpeg(int quality = 90) => new("JPEG", "image/jpeg", Checked(quality), MaxJpegSide,
        pixmap => pixmap.Encode(new SKJpegEncoderOptions(quality, SKJpegEncoderDownsample.Downsample444, SKJpegEncoderAlphaOption.Ignore)));

    /// <summary>WebP with loss; usually smaller than a JPEG of the same quality.</summary>
    /// <param name="quality">From 1, the smallest file, to 100. Default 90.</param>
    /// <exception cref="ArgumentOutOfRangeException">The quality is not in 1..100.</exception>
    public static ImageFormat WebP(int quality = 90) => new("WebP", "image/webp", Checked(quality), MaxWebPSide,
        pixmap => pixmap.Encode(new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossy, quality)));

    /// <summary>The format for the extension of a file, with the default quality.</summary>
    /// <param name="path">A path that ends with .png, .jpg, .jpeg or .webp.</param>
    /// <exception cref="ArgumentException">The extension is another one.</exception>
    public static ImageFormat OfPath(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".PNG" => Png,
            ".JPG" or ".JPEG" => Jpeg(),
            ".WEBP" => WebP(),
            _ => throw new ArgumentException(
                $"'{path}' has the extension '{Path.GetExtension(path)}', but must have .png, .jpg, .jpeg or .webp. Rename it, or pass a "
                + "format.",
                nameof(path)),
        };
    }

    /// <inheritdoc/>
    public bool Equals(ImageFormat? other) => other is not null && (Name, Quality) == (other.Name, other.Quality);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Quality);

    /// <inheritdoc/>
    public override string ToString() => Quality is { } quality ? $"{Name} of quality {quality}" : Name;

    /// <summary>Encodes an image.</summary>
    /// <exception cref="ArgumentException">The image is too large for the format.</exception>
    internal byte[] Encode(DecodedImage image) => image.Width > maxSide || image.Height > maxSide
        ? throw new ArgumentException(
            $"The image has {image.Width} x {image.Height} pixels, but {Name} allows at most {maxSide} x {maxSide}. Use PNG, or a smaller "
            + "image.",
            nameof(image))
        : SkiaPixels.Encode(image, encode);

    private static int Checked(int quality) => quality is >= 1 and <= 100
        ? quality
        : throw new ArgumentOutOfRangeException(nameof(quality), quality, $"The quality is {quality}, but must be in 1..100. Use 90.");
}
