namespace Diffusion.Data;

/// <summary>Turns the bytes of an image file into prepared pixels, without garbage. For one thread at a time.</summary>
internal sealed class PreparedDecoder : IDisposable
{
    // A JPEG decoded at a part of its size keeps at least this many pixels for each one that it becomes, along both sides.
    private const double PixelsPerPixel = 2;

    private readonly ImagePreparation preparation;
    private readonly TransformList transforms;
    private readonly ImageShape shape;
    private readonly ImageDecoder decoder;
    private readonly AreaResize resize;
    private readonly Func<int, int, int> choosePart;
    private SeedStream? draws;
    private CropArea part;

    /// <summary>A decoder with memory of its own.</summary>
    /// <param name="preparation">How every image comes to its size; checked by the caller.</param>
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
    /// <param name="draws">What random transforms draw from; null for none.</param>
    /// <param name="destination">Bytes <c>[H, W, C]</c>, filled whole.</param>
    /// <exception cref="ImageDataException">
    /// The file is no image, damaged, over the pixel limit, or of a size that is refused. Its path is empty.
    /// </exception>
    /// <exception cref="ImageTransformException">A transform failed. Its image is empty.</exception>
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

    // The decoder asks once it knows the size of the image; the answer is how many pixels its shorter side must keep.
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
                    $"it has {frame.Width} x {frame.Height} pixels, but with ImageResize.None all must have {shape.Width} x "
                        + $"{shape.Height}. "
                + "Use ImageResize.CropToFill, or give the size that they have.");
        }
    }
}
