namespace Diffusion.Training;

/// <summary>Turns the bytes of an image file into prepared pixels, without garbage. For one thread at a time.</summary>
internal sealed class PreparedDecoder : IDisposable
{
    // A JPEG decoded at a part of its size keeps at least this many pixels for each one that it becomes, along both sides.
    private const double PixelsPerPixel = 2;

    private readonly ImagePreparation preparation;
    private readonly ImageDecoder decoder;
    private readonly AreaResize resize;

    /// <summary>A decoder with memory of its own.</summary>
    /// <param name="preparation">How every image comes to its size; checked by the caller.</param>
    public PreparedDecoder(ImagePreparation preparation)
    {
        this.preparation = preparation;
        resize = new AreaResize(preparation.Size);
        decoder = new ImageDecoder(new ImageDecoding
        {
            Channels = preparation.Channels,
            Background = preparation.Background,
            PixelLimit = preparation.PixelLimit,
        });
    }

    /// <summary>Decodes and prepares one image.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="draws">What a random crop is drawn from; null for the middle.</param>
    /// <param name="destination">Bytes <c>[H, W, C]</c>, filled whole.</param>
    /// <exception cref="ImageDataException">The file is no image, damaged, over the pixel limit, or of a size that is refused. Its path is empty.</exception>
    public void Decode(ReadOnlySpan<byte> file, SeedStream? draws, Span<byte> destination)
    {
        int size = preparation.Size;
        if (preparation.Resize == ImageResize.None)
        {
            ImagePixels whole = decoder.Decode(file, string.Empty);
            ThrowIfNot(size, whole);
            whole.Bytes.CopyTo(destination);
            return;
        }

        SeedStream? crop = preparation.Crop == ImageCrop.Random ? draws : null;
        double share = crop is null ? 1 : 1 - (crop.Value.Uniform(RandomPurpose.Augmentation, 0) * (1 - preparation.SmallestCrop));
        ImagePixels image = decoder.Decode(file, string.Empty, (int)Math.Min(Math.Ceiling(PixelsPerPixel * size / share), int.MaxValue));
        if (image.FullWidth == size && image.FullHeight == size && share == 1)
        {
            image.Bytes.CopyTo(destination);
            return;
        }

        SquareWindow window = crop is null
            ? SquareWindow.Middle(image.FullWidth, image.FullHeight)
            : SquareWindow.Anywhere(image.FullWidth, image.FullHeight, share, crop.Value);
        resize.Resize(image, window, destination);
    }

    public void Dispose() => decoder.Dispose();

    private static void ThrowIfNot(int size, ImagePixels image)
    {
        if (image.Width != size || image.Height != size)
        {
            throw new ImageDataException(
                string.Empty, $"it has {image.Width} x {image.Height} pixels, but with ImageResize.None all must have {size} x {size}. "
                + "Use ImageResize.CropToFill, or give the size that they have.");
        }
    }
}
