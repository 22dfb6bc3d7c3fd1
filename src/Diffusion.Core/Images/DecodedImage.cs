namespace Diffusion;

/// <summary>One image as bytes in memory, row by row, the channels of a pixel side by side.</summary>
public sealed class DecodedImage
{
    /// <summary>Wraps pixels; they are not copied.</summary>
    /// <param name="width">In pixels, at least 1.</param>
    /// <param name="height">In pixels, at least 1.</param>
    /// <param name="channels">1 for grey, 3 for RGB.</param>
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

    /// <summary>1 for grey, 3 for RGB.</summary>
    public int Channels { get; }

    /// <summary>Bytes <c>[H, W, C]</c> in 0..255. The array itself, not a copy.</summary>
    public byte[] Pixels { get; }

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
            throw new ArgumentOutOfRangeException(nameof(channels), channels, $"Channels are {channels}, but must be 1 (grey) or 3 (RGB).");
        }
    }
}
