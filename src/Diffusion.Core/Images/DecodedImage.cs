using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>One image as bytes in memory, row by row, the channels of a pixel side by side.</summary>
public sealed class DecodedImage
{
    /// <summary>Wraps pixels; they are not copied.</summary>
    /// <param name="width">In pixels, at least 1.</param>
    /// <param name="height">In pixels, at least 1.</param>
    /// <param name="channels">1 for gray, 3 for RGB.</param>
    /// <param name="pixels">Bytes <c>[H, W, C]</c> in 0..255, exactly <c>width * height * channels</c> of them.</param>
    /// <exception cref="ArgumentException">The number of bytes does not fit the size.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive, or the channels are neither 1 nor 3.</exception>
    public DecodedImage(int width, int height, int channels, byte[] pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        Check(width, height, channels, pixels.LongLength);
        Width = width;
        Height = height;
        Channels = channels;
        Pixels = pixels;
    }

    /// <summary>In pixels.</summary>
    public int Width { get; }

    /// <summary>In pixels.</summary>
    public int Height { get; }

    /// <summary>1 for gray, 3 for RGB.</summary>
    public int Channels { get; }

    /// <summary>Bytes <c>[H, W, C]</c> in 0..255. The array itself, not a copy.</summary>
    public byte[] Pixels { get; }

    /// <summary>Converts one sample to bytes: <c>round((x + 1) * 127.5)</c>, clamped to 0..255.</summary>
    /// <param name="image">Floating point <c>[C, H, W]</c> or <c>[1, C, H, W]</c> in [-1, 1], C 1 or 3, on any device.</param>
    /// <returns>The image; the tensor stays the caller's.</returns>
    /// <exception cref="ArgumentException">The tensor has another shape or kind, or holds NaN or infinity.</exception>
    public static DecodedImage FromTensor(Tensor image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!(image.dim() == 3 || (image.dim() == 4 && image.shape[0] == 1)) || image.numel() == 0 || image.shape[^3] is not (1 or 3))
        {
            throw new ArgumentException(
                $"The image has the shape {Guard.Text(image)}, but must be one image of 1 or 3 channels, [C, H, W] or [1, C, H, W]. Take "
                + "one of a batch with images[0], or show all of them with ImageGrid.",
                nameof(image));
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor bytes = PixelRange.ToBytes(image.reshape(1, image.shape[^3], image.shape[^2], image.shape[^1])).cpu(); // [1, H, W, C]
        return new DecodedImage((int)bytes.shape[2], (int)bytes.shape[1], (int)bytes.shape[3], bytes.bytes.ToArray());
    }

    internal static void Check(int width, int height, int channels, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ThrowIfNotOneOrThree(channels);
        long expected = (long)width * height * channels;
        if (bytes != expected)
        {
            throw new ArgumentException(
                $"{width} x {height} pixels of {channels} channels are {expected} bytes, but {bytes} were given.", "pixels");
        }
    }

    internal static void ThrowIfNotOneOrThree(int channels)
    {
        if (channels is not (1 or 3))
        {
            throw new ArgumentOutOfRangeException(nameof(channels), channels, $"Channels are {channels}, but must be 1 (gray) or 3 (RGB).");
        }
    }
}
