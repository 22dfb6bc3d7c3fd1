namespace Diffusion.Data;

/// <summary>Decodes and prepares image files without allocations. Not thread-safe.</summary>
internal sealed class PreparedDecoder : IDisposable
{
    // A JPEG that is decoded at reduced size keeps at least this many pixels per target pixel, in both directions.
    private const double PixelsPerPixel = 2;

    private readonly ImagePreparation preparation;
    private readonly TransformList transforms;
    private readonly ImageShape shape;
    private readonly ImageDecoder decoder;
    private readonly AreaResize resize;
    private readonly Func<int, int, int> choosePart;
    private SeedStream? draws;
    private CropArea part;

    /// <summary>Creates a decoder with its own buffers.</summary>
    /// <param name="preparation">The size, channels and transforms of the images; checked by the caller.</param>
    /// <param name="transforms">The transforms of the preparation.</param>
    public PreparedDecoder(ImagePreparation preparation, TransformList transforms)
    {
        this.preparation = preparation;
        this.transforms = transforms;
        shape = ImageShape.Square(preparation.Size, preparation.Channels);
        resize = new AreaResize(preparation.Size, preparation.Size);
        choosePart = ChoosePart;
        decoder = new ImageDecoder(new ImageDecoding
        {
            Channels = preparation.Channels,
            Background = preparation.Background,
            PixelLimit = preparation.PixelLimit,
        });
    }

    /// <summary>Decodes and prepares one image.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="draws">The random stream for random transforms; null to skip them.</param>
    /// <param name="destination">Bytes <c>[H, W, C]</c>, filled completely.</param>
    /// <exception cref="ImageDataException">
    /// The file is not an image, damaged, over the pixel limit, or of a wrong size. The path of the exception is empty.
    /// </exception>
    /// <exception cref="ImageTransformException">A transform failed. The image of the exception is empty.</exception>
    public void Decode(ReadOnlySpan<byte> file, SeedStream? draws, Span<byte> destination)
    {
        this.draws = draws;
        ImagePixels image = decoder.Decode(file, string.Empty, choosePart);
        if (image.Width == shape.Width && image.Height == shape.Height && part == ImageFrame.Whole(shape.Width, shape.Height).Part)
        {
            image.Bytes.CopyTo(destination);
        }
        else
        {
            resize.Resize(image, part, destination);
        }

        if (transforms.HasEdits)
        {
            transforms.Edit(new ImageCanvas(destination, shape, PixelEncoding.UInt8), draws);
        }
    }

    public void Dispose() => decoder.Dispose();

    // Called when the decoder knows the size of the image. Returns the minimum number of pixels of its shorter side.
    private int ChoosePart(int width, int height)
    {
        ImageFrame frame = transforms.Choose(ImageFrame.Whole(width, height), (shape.Width, shape.Height), draws);
        if (preparation.Resize == ImageResize.None)
        {
            ThrowIfNot(shape, frame);
        }

        part = frame.CropToShape((shape.Width, shape.Height)).Part;
        double kept = PixelsPerPixel * Math.Min(width, height);
        return (int)Math.Min(Math.Ceiling(Math.Max(kept * shape.Width / part.Width, kept * shape.Height / part.Height)), int.MaxValue);
    }

    private static void ThrowIfNot(ImageShape shape, ImageFrame frame)
    {
        if (frame.Width != shape.Width || frame.Height != shape.Height)
        {
            throw new ImageDataException(
                string.Empty,
                $"it has {frame.Width} x {frame.Height} pixels, but with ImageResize.None all images must have "
                + $"{shape.Width} x {shape.Height}. Use ImageResize.CropToFill, or set Size to the size of the images.");
        }
    }
}
