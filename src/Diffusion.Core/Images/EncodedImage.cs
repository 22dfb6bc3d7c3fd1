using System.Buffers;
using SkiaSharp;

namespace Diffusion;

/// <summary>An image file in memory whose header has been read and whose pixels have not.</summary>
internal sealed class EncodedImage : IDisposable
{
    private readonly SKCodec codec;
    private readonly SKEncodedOrigin origin;
    private readonly int storedWidth;
    private readonly int storedHeight;

    private EncodedImage(SKCodec codec)
    {
        // Each of the codec's properties is a native call, too slow for a loop over pixels.
        this.codec = codec;
        SKImageInfo info = codec.Info;
        origin = codec.EncodedOrigin;
        storedWidth = info.Width;
        storedHeight = info.Height;
    }

    /// <summary>Width and height after the orientation is applied.</summary>
    public (int Width, int Height) Size => Orientation.Swaps(origin) ? (storedHeight, storedWidth) : (storedWidth, storedHeight);

    /// <summary>Reads the header; null when these bytes do not hold a whole one.</summary>
    public static EncodedImage? TryOpen(ReadOnlySpan<byte> bytes) => TryOpen(bytes, out _);

    /// <summary>Reads the header of a whole file, or says what is wrong with it.</summary>
    public static EncodedImage Open(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.IsEmpty)
        {
            throw new ImageDataException(name, "the file is empty (0 bytes). Remove it or replace it.");
        }

        return TryOpen(bytes, out SKCodecResult result) ?? throw new ImageDataException(name, result == SKCodecResult.IncompleteInput
            ? $"the image is truncated: its {bytes.Length} bytes end within the header. Replace the file."
            : "it is not an image that can be read (JPEG, PNG, WebP, GIF or BMP), whatever its name says. Remove it or replace it.");
    }

    /// <summary>Refuses an image of too many pixels. Nothing has been decoded yet.</summary>
    public void ThrowIfOver(long pixelLimit, string name)
    {
        if ((long)storedWidth * storedHeight > pixelLimit)
        {
            throw new ImageDataException(
                name, $"the image has {storedWidth} x {storedHeight} pixels, more than the limit of {pixelLimit}. Shrink it, or raise the pixel limit.");
        }
    }

    /// <summary>Decodes every pixel; an image that ends early is an error, not a half-grey image.</summary>
    public unsafe DecodedImage Decode(ImageDecoding decoding, string name)
    {
        SKImageInfo info = new(storedWidth, storedHeight, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        if (info.BytesSize64 > Array.MaxLength)
        {
            throw new ImageDataException(
                name, $"the image has {storedWidth} x {storedHeight} pixels, more than {Array.MaxLength / 4}, the most that can be decoded. Shrink it.");
        }

        byte[] rgba = ArrayPool<byte>.Shared.Rent((int)info.BytesSize64);
        try
        {
            SKCodecResult result;
            fixed (byte* pixels = rgba)
            {
                result = codec.GetPixels(info, (nint)pixels);
            }

            if (result != SKCodecResult.Success)
            {
                throw new ImageDataException(name, result == SKCodecResult.IncompleteInput
                    ? "the image is truncated: the file ends before its last pixel. Replace it."
                    : $"the image is damaged or cut short ({result}). Replace the file.");
            }

            return Compose(rgba, decoding);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rgba);
        }
    }

    public void Dispose() => codec.Dispose();

    private static EncodedImage? TryOpen(ReadOnlySpan<byte> bytes, out SKCodecResult result)
    {
        using SKData copy = SKData.CreateCopy(bytes);
        SKCodec? opened = SKCodec.Create(new SKMemoryStream(copy), out result);
        return opened is null ? null : new EncodedImage(opened);
    }

    private DecodedImage Compose(ReadOnlySpan<byte> rgba, ImageDecoding decoding)
    {
        (int width, int height) = Size;
        int channels = decoding.Channels;
        RgbColor background = decoding.Background;
        byte[] pixels = new byte[(long)width * height * channels];
        Orientation orientation = new(origin, storedWidth, storedHeight);
        int source = 0;
        for (int y = 0; y < storedHeight; y++)
        {
            for (int x = 0; x < storedWidth; x++, source += 4)
            {
                int alpha = rgba[source + 3];
                int red = Blend(rgba[source], background.Red, alpha);
                int green = Blend(rgba[source + 1], background.Green, alpha);
                int blue = Blend(rgba[source + 2], background.Blue, alpha);
                int target = orientation.TargetOf(x, y) * channels;
                if (channels == 1)
                {
                    pixels[target] = (byte)(((299 * red) + (587 * green) + (114 * blue) + 500) / 1000);
                    continue;
                }

                pixels[target] = (byte)red;
                pixels[target + 1] = (byte)green;
                pixels[target + 2] = (byte)blue;
            }
        }

        return new DecodedImage(width, height, channels, pixels);
    }

    private static int Blend(int colour, int background, int alpha) => ((colour * alpha) + (background * (255 - alpha)) + 127) / 255;
}
