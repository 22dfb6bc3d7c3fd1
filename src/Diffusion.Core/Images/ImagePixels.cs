namespace Diffusion;

/// <summary>A decoded image that lies in a decoder's own memory, for as long as the decoder is not used again.</summary>
public readonly ref struct ImagePixels
{
    /// <summary>Looks at pixels that lie elsewhere.</summary>
    /// <param name="width">In pixels, at least 1.</param>
    /// <param name="height">In pixels, at least 1.</param>
    /// <param name="channels">1 for grey, 3 for RGB.</param>
    /// <param name="bytes">Bytes <c>[H, W, C]</c> in 0..255, exactly <c>width * height * channels</c> of them.</param>
    /// <exception cref="ArgumentException">The number of bytes does not fit the size.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive, or the channels are neither 1 nor 3.</exception>
    public ImagePixels(int width, int height, int channels, ReadOnlySpan<byte> bytes)
    {
        DecodedImage.Check(width, height, channels, bytes.Length);
        Width = width;
        Height = height;
        Channels = channels;
        Bytes = bytes;
    }

    /// <summary>In pixels.</summary>
    public int Width { get; }

    /// <summary>In pixels.</summary>
    public int Height { get; }

    /// <summary>1 for grey, 3 for RGB.</summary>
    public int Channels { get; }

    /// <summary>Bytes <c>[H, W, C]</c> in 0..255.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>A copy that stays.</summary>
    public DecodedImage ToImage() => new(Width, Height, Channels, Bytes.ToArray());
}
