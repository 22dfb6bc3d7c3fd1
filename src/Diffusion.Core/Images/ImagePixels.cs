namespace Diffusion;

/// <summary>A decoded image in a decoder's memory, valid until the decoder is used again.</summary>
public readonly ref struct ImagePixels
{
    /// <summary>Creates a view of pixels.</summary>
    /// <param name="width">In pixels, at least 1.</param>
    /// <param name="height">In pixels, at least 1.</param>
    /// <param name="channels">1 for gray, 3 for RGB.</param>
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
        Downscale = 1;
        FullWidth = width;
        FullHeight = height;
    }

    /// <summary>In pixels.</summary>
    public int Width { get; }

    /// <summary>In pixels.</summary>
    public int Height { get; }

    /// <summary>1 for gray, 3 for RGB.</summary>
    public int Channels { get; }

    /// <summary>Bytes <c>[H, W, C]</c> in 0..255.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>
    /// How many pixels of the file one pixel covers along each side: 1, or 2, 4 or 8 for a JPEG that was decoded at a reduced size.
    /// </summary>
    public int Downscale { get; internal init; }

    /// <summary>The width of the image at full size.</summary>
    public int FullWidth { get; internal init; }

    /// <summary>The height of the image at full size.</summary>
    public int FullHeight { get; internal init; }

    /// <summary>Where the first column begins, in pixels of the file: 0, or down to -7 where it reaches over the image's edge.</summary>
    public int FullLeft { get; internal init; }

    /// <summary>Where the first row begins, in pixels of the file: 0, or down to -7 where it reaches over the image's edge.</summary>
    public int FullTop { get; internal init; }

    /// <summary>Copies the image.</summary>
    public DecodedImage ToImage() => new(Width, Height, Channels, Bytes.ToArray());
}
