namespace Diffusion.Training;

/// <summary>Turns the bytes of an image file into prepared pixels. For one thread at a time.</summary>
internal sealed class PreparedDecoder(ImagePreparation preparation) : IDisposable
{
    private readonly ImageDecoding decoding = new()
    {
        Channels = preparation.Channels,
        Background = preparation.Background,
        PixelLimit = preparation.PixelLimit,
    };

    /// <summary>Decodes and prepares one image.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="draws">What a random crop is drawn from; null for the middle.</param>
    /// <param name="destination">Bytes <c>[H, W, C]</c>, filled whole.</param>
    /// <exception cref="ImageDataException">The file is no image, damaged, over the pixel limit, or of a size that is refused. Its path is empty.</exception>
    public void Decode(ReadOnlySpan<byte> file, SeedStream? draws, Span<byte> destination)
    {
        DecodedImage image = ImageCodec.Decode(new MemoryStream(file.ToArray()), string.Empty, decoding);
        if (image.Width == preparation.Size && image.Height == preparation.Size)
        {
            image.Pixels.CopyTo(destination);
            return;
        }

        if (preparation.Resize == ImageResize.None)
        {
            throw new ImageDataException(
                string.Empty, $"it has {image.Width} x {image.Height} pixels, but with ImageResize.None all must have {preparation.Size} x {preparation.Size}. "
                + "Use ImageResize.CropToFill, or give the size that they have.");
        }

        AreaResize.CropToFill(image, preparation.Size, destination);
    }

    public void Dispose()
    {
    }
}
