using System.Runtime.InteropServices;
using SkiaSharp;

namespace Diffusion;

/// <summary>
/// An image file in memory whose header is read but whose pixels are not. The memory must stay valid until this is disposed.
/// </summary>
internal sealed unsafe class EncodedImage : IDisposable
{
    private readonly SKCodec codec;
    private readonly bool isBmp;

    private EncodedImage(SKCodec codec)
    {
        // Each of the codec's properties is a native call, too slow for a loop over pixels.
        this.codec = codec;
        SKImageInfo info = codec.Info;
        Width = info.Width;
        Height = info.Height;
        IsJpeg = codec.EncodedFormat == SKEncodedImageFormat.Jpeg;
        isBmp = codec.EncodedFormat == SKEncodedImageFormat.Bmp;
        Origin = codec.EncodedOrigin;
    }

    /// <summary>Width as stored.</summary>
    public int Width { get; }

    /// <summary>Height as stored.</summary>
    public int Height { get; }

    /// <summary>Whether the bytes are a JPEG file.</summary>
    public bool IsJpeg { get; }

    /// <summary>How the stored image is rotated or mirrored for display.</summary>
    public SKEncodedOrigin Origin { get; }

    /// <summary>Reads the header; null if these bytes do not contain all of it.</summary>
    public static EncodedImage? TryOpen(byte* bytes, int length) => TryOpen(bytes, length, out _);

    /// <summary>Reads the header of a whole file, or throws an error that says what is wrong with it.</summary>
    public static EncodedImage Open(byte* bytes, int length, string name)
    {
        if (length == 0)
        {
            throw new ImageDataException(name, "the file is empty (0 bytes). Remove it or replace it.");
        }

        return TryOpen(bytes, length, out SKCodecResult result) ?? throw new ImageDataException(
            name,
            GitLfsPointer.IsPointer(new ReadOnlySpan<byte>(bytes, length), length) ? GitLfsPointer.Explanation
            : result == SKCodecResult.IncompleteInput ? $"the image is truncated: its {length} bytes end within the header. "
                + $"Replace the file."
            : "it is not an image in a supported format (JPEG, PNG, WebP, GIF or BMP), whatever its name. Remove it or replace it.");
    }

    /// <summary>Width and height after the orientation is applied; an image of too many pixels is refused.</summary>
    public (int Width, int Height) SizeWithin(long pixelLimit, string name)
    {
        ThrowIfOver(pixelLimit, name);
        return Orientation.Swaps(Origin) ? (Height, Width) : (Width, Height);
    }

    /// <summary>Refuses an image of too many pixels. Nothing has been decoded yet.</summary>
    public void ThrowIfOver(long pixelLimit, string name)
    {
        if ((long)Width * Height > pixelLimit)
        {
            throw new ImageDataException(
                name,
                $"the image has {Width} x {Height} pixels, more than the limit of {pixelLimit}. Shrink it, or raise the pixel limit.");
        }

        if ((long)Width * Height > Array.MaxLength / 4)
        {
            throw new ImageDataException(
                name,
                $"the image has {Width} x {Height} pixels, but at most {Array.MaxLength / 4} can be decoded. Shrink it.");
        }
    }

    /// <summary>Decodes every pixel; a truncated image is an error.</summary>
    /// <param name="scale">1 for the whole size; for a JPEG also 2, 4 or 8, by which width and height are divided and rounded up.</param>
    /// <param name="rgba">Takes <c>[H, W, 4]</c>, the colors not multiplied by alpha.</param>
    /// <param name="name">The name that errors use for it.</param>
    public void Decode(int scale, Span<byte> rgba, string name)
    {
        SKImageInfo info = new(Scaled(Width, scale), Scaled(Height, scale), SKColorType.Rgba8888, SKAlphaType.Unpremul);
        SKCodecResult result;
        fixed (byte* pixels = rgba)
        {
            result = codec.GetPixels(info, (nint)pixels);
        }

        if (result != SKCodecResult.Success)
        {
            throw new ImageDataException(name, result == SKCodecResult.IncompleteInput
                ? "the image is truncated: the file ends before its last pixel. Replace it."
                : $"the image is damaged or truncated ({result}). Replace the file.");
        }

        if (isBmp)
        {
            ShowIfAllClear(rgba);
        }
    }

    /// <summary>A side of a JPEG decoded at 1/<paramref name="scale"/>.</summary>
    public static int Scaled(int side, int scale) => (int)(((long)side + scale - 1) / scale);

    public void Dispose() => codec.Dispose();

    // Many programs write BMP files with an unused fourth byte of 0: a BMP whose alpha is 0 everywhere has no alpha.
    private static void ShowIfAllClear(Span<byte> rgba)
    {
        Span<uint> pixels = MemoryMarshal.Cast<byte, uint>(rgba);
        uint alpha = BitConverter.IsLittleEndian ? 0xFF000000 : 0xFF;
        foreach (uint pixel in pixels)
        {
            if ((pixel & alpha) != 0)
            {
                return;
            }
        }

        foreach (ref uint pixel in pixels)
        {
            pixel |= alpha;
        }
    }

    private static EncodedImage? TryOpen(byte* bytes, int length, out SKCodecResult result)
    {
        using SKData data = SKData.Create((nint)bytes, length);
        result = SKCodecResult.Success;
        SKCodec? opened = SKCodec.Create(data);
        if (opened is null)
        {
            // A stream allocates, but reports why decoding failed.
            opened = SKCodec.Create(new SKMemoryStream(data), out result);
        }

        return opened is null ? null : new EncodedImage(opened);
    }
}
