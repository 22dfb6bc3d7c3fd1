using SkiaSharp;

namespace Diffusion;

/// <summary>
/// Decodes one image file after another into memory that it reuses, without garbage. Each decoder is for one thread at a time.
/// For a single image <see cref="ImageCodec"/> is simpler.
/// </summary>
public sealed class ImageDecoder : IDisposable
{
    private readonly ImageDecoding decoding;
    private readonly TurboJpegDecoder? turbo;
    private readonly ReusableBuffer stored = new();
    private readonly ReusableBuffer shown = new();
    private bool disposed;

    /// <summary>Creates a decoder. It allocates when it decodes, and keeps at most 128 MB after an image.</summary>
    /// <param name="decoding">Channels, background and limit.</param>
    /// <exception cref="ArgumentOutOfRangeException">The channels are neither 1 nor 3.</exception>
    public ImageDecoder(ImageDecoding decoding)
        : this(decoding, TurboJpeg.IsAvailable)
    {
    }

    internal ImageDecoder(ImageDecoding decoding, bool turboJpeg)
    {
        ArgumentNullException.ThrowIfNull(decoding);
        DecodedImage.ThrowIfNotOneOrThree(decoding.Channels);
        this.decoding = decoding;
        turbo = turboJpeg ? new TurboJpegDecoder() : null;
    }

    internal int HeldBytes => stored.HeldBytes + shown.HeldBytes;

    /// <summary>Whether libturbojpeg decoded the last image.</summary>
    internal bool UsedTurboJpeg { get; private set; }

    /// <summary>Decodes a file at its own size.</summary>
    /// <param name="file">The whole file: JPEG, PNG, WebP, GIF (its first frame) or BMP.</param>
    /// <param name="name">The name that errors use for it.</param>
    /// <returns>The pixels, valid until this decoder is used again or disposed.</returns>
    /// <exception cref="ImageDataException">
    /// The file is empty, is not an image, is truncated or damaged, or is over the pixel limit.
    /// </exception>
    /// <exception cref="ObjectDisposedException">This decoder was disposed.</exception>
    public ImagePixels Decode(ReadOnlySpan<byte> file, string name) => Decode(file, name, static (_, _) => int.MaxValue);

    /// <summary>Decodes a file; a JPEG at a reduced size if that is enough.</summary>
    /// <param name="file">The whole file, as above.</param>
    /// <param name="name">The name that errors use for it.</param>
    /// <param name="minSide">
    /// Maps width and height as shown, in pixels, to the minimum that both sides must keep: a JPEG is decoded at an eighth, a
    /// quarter or half of its size if both sides then have that minimum, which is several times faster than shrinking it afterwards.
    /// </param>
    /// <returns>The pixels, valid until this decoder is used again or disposed.</returns>
    /// <exception cref="ImageDataException">As above.</exception>
    /// <exception cref="ObjectDisposedException">This decoder was disposed.</exception>
    public unsafe ImagePixels Decode(ReadOnlySpan<byte> file, string name, Func<int, int, int> minSide)
    {
        ArgumentNullException.ThrowIfNull(minSide);
        ObjectDisposedException.ThrowIf(disposed, this);
        fixed (byte* bytes = file)
        {
            using EncodedImage image = EncodedImage.Open(bytes, file.Length, name);
            (int fullWidth, int fullHeight) = image.SizeWithin(decoding.PixelLimit, name);
            int minPixels = minSide(fullWidth, fullHeight);
            int scale = image.IsJpeg ? ScaleFor(Math.Min(fullWidth, fullHeight), minPixels) : 1;
            int width = EncodedImage.Scaled(image.Width, scale);
            int height = EncodedImage.Scaled(image.Height, scale);

            Span<byte> pixels = shown.Take(width * height * decoding.Channels);
            UsedTurboJpeg = TryDecodeTurbo(bytes, file.Length, image, width, height, pixels);
            if (!UsedTurboJpeg)
            {
                Span<byte> rgba = stored.Take(width * height * 4);
                image.Decode(scale, rgba, name);
                PixelComposer.Compose(rgba, 4, width, height, image.Origin, decoding, pixels);
            }

            stored.Trim();
            return AsShown(pixels, image, width, height, scale);
        }
    }

    /// <summary>Frees what the decoder holds.</summary>
    public void Dispose()
    {
        disposed = true;
        turbo?.Dispose();
    }

    private unsafe bool TryDecodeTurbo(byte* file, int length, EncodedImage image, int width, int height, Span<byte> pixels)
    {
        int channels = turbo is not null && image.IsJpeg ? turbo.ChannelsOf(file, length, image) : 0;
        if (channels == 0)
        {
            return false;
        }

        if (channels == decoding.Channels && image.Origin == SKEncodedOrigin.TopLeft)
        {
            return turbo!.TryDecode(file, length, width, height, channels, pixels);
        }

        Span<byte> unturned = stored.Take(width * height * channels);
        if (!turbo!.TryDecode(file, length, width, height, channels, unturned))
        {
            return false;
        }

        PixelComposer.Compose(unturned, channels, width, height, image.Origin, decoding, pixels);
        return true;
    }

    private ImagePixels AsShown(ReadOnlySpan<byte> pixels, EncodedImage image, int width, int height, int scale)
    {
        (int fullWidth, int fullHeight) = (image.Width, image.Height);
        if (Orientation.Swaps(image.Origin))
        {
            (width, height, fullWidth, fullHeight) = (height, width, fullHeight, fullWidth);
        }

        // A side that is not a multiple of the scale ends within the last stored pixel, which may be shown first.
        return new ImagePixels(width, height, decoding.Channels, pixels)
        {
            Downscale = scale,
            FullWidth = fullWidth,
            FullHeight = fullHeight,
            FullLeft = Orientation.BeginsRight(image.Origin) ? fullWidth - (width * scale) : 0,
            FullTop = Orientation.BeginsBelow(image.Origin) ? fullHeight - (height * scale) : 0,
        };
    }

    // The inverse transform is fast at these sizes only.
    private static int ScaleFor(int shorterSide, int minSide)
    {
        int scale = 8;
        while (scale > 1 && EncodedImage.Scaled(shorterSide, scale) < minSide)
        {
            scale /= 2;
        }

        return scale;
    }
}
