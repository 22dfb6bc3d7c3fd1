namespace Diffusion.Data;

/// <summary>The images of another source, transformed each time they are read.</summary>
internal sealed class TransformedImages : IImageSource
{
    private readonly IImageSource source;
    private readonly TransformList transforms;
    private readonly Stack<ImageResampler> resamplers = new();

    public TransformedImages(IImageSource source, IReadOnlyList<ImageTransform> transforms)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(transforms);
        if (transforms.Count == 0)
        {
            throw new ArgumentException("There is no transform, but at least one is needed.", nameof(transforms));
        }

        this.source = source;
        this.transforms = new TransformList(transforms, source.Transforms, source.Shape.Channels);
        if (this.transforms.HasWindows && source.Encoding == PixelEncoding.UInt8 && source.Shape.Channels is not (1 or 3))
        {
            throw new ArgumentException(
                $"Crops of bytes need 1 or 3 channels, but these images have {source.Shape.Channels}. Remove them.", nameof(transforms));
        }

        Transforms = [.. source.Transforms, .. transforms];
    }

    public long Count => source.Count;

    public ImageShape Shape => source.Shape;

    public PixelEncoding Encoding => source.Encoding;

    public bool RefusesUnitRange => source.RefusesUnitRange;

    public ImageSourceReport Report => source.Report;

    public int? ClassCount => source.ClassCount;

    public IReadOnlyList<string> ClassNames => source.ClassNames;

    public string Description => $"{source.Description}{transforms}";

    public bool IsInMemory => source.IsInMemory && transforms.AreQuick;

    public IReadOnlyList<ImageTransform> Transforms { get; }

    public IReadOnlyList<long>? GroupSizes => source.GroupSizes;

    public long LabelOf(long index) => source.LabelOf(index);

    public string NameOf(long index) => source.NameOf(index);

    public void Announce(ReadOnlySpan<long> indices, CancellationToken cancellationToken = default) =>
        source.Announce(indices, cancellationToken);

    public override string ToString() => Report.ToString(Description);

    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        source.Read(index, destination, draws, cancellationToken);
        try
        {
            if (transforms.HasWindows)
            {
                Crop(destination, draws);
            }

            transforms.Edit(new ImageCanvas(destination, Shape, Encoding), draws);
        }
        catch (ImageTransformException problem)
        {
            throw problem.On(NameOf(index));
        }
        catch (ImageDataException problem)
        {
            throw new ImageDataException(NameOf(index), problem.Reason, problem);
        }
    }

    public void Dispose() => source.Dispose();

    private void Crop(Span<byte> image, SeedStream? draws)
    {
        (int Width, int Height) target = (Shape.Width, Shape.Height);
        ImageFrame whole = ImageFrame.Whole(target.Width, target.Height);
        ImageFrame frame = transforms.Choose(whole, target, draws).CropToShape(target);
        if (frame.Part == whole.Part)
        {
            return;
        }

        ImageResampler resampler = Rent();
        resampler.Resample(image, frame.Part);
        lock (resamplers)
        {
            resamplers.Push(resampler);
        }
    }

    // The number of resamplers is the maximum number of threads that read at the same time.
    private ImageResampler Rent()
    {
        lock (resamplers)
        {
            if (resamplers.TryPop(out ImageResampler? kept))
            {
                return kept;
            }
        }

        return new ImageResampler(Shape, Encoding);
    }
}
