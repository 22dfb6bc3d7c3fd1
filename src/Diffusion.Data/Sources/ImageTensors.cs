using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Data;

/// <summary>Images from tensors.</summary>
public sealed class ImageTensors : IImageSource
{
    private readonly Tensor pixels;
    private readonly nint memory;
    private readonly long[]? labels;
    private readonly int imageBytes;
    private bool disposed;

    private ImageTensors(Tensor pixels, ImageShape shape, PixelEncoding encoding, bool refusesUnitRange, long[]? labels, int? classCount)
    {
        this.pixels = pixels;
        this.labels = labels;
        memory = encoding == PixelEncoding.UInt8 ? pixels.storage<byte>().data_ptr() : pixels.storage<float>().data_ptr();
        Count = pixels.shape[0];
        Shape = shape;
        Encoding = encoding;
        RefusesUnitRange = refusesUnitRange;
        ClassCount = classCount;
        imageBytes = checked((int)shape.Elements * (encoding == PixelEncoding.UInt8 ? 1 : sizeof(float)));
    }

    /// <inheritdoc/>
    public long Count { get; }

    /// <inheritdoc/>
    public ImageShape Shape { get; }

    /// <inheritdoc/>
    public PixelEncoding Encoding { get; }

    /// <inheritdoc/>
    public bool RefusesUnitRange { get; }

    /// <inheritdoc/>
    public int? ClassCount { get; }

    /// <inheritdoc/>
    public string Description => $"{Count} images {Shape} from tensors";

    /// <summary>Creates a source with a copy of images and labels.</summary>
    /// <param name="images">
    /// float32 <c>[N, C, H, W]</c> in [-1, 1], or uint8 <c>[N, H, W, C]</c> in 0..255; C is 1 or 3 for uint8, any number for float32. On
    /// any device.
    /// </param>
    /// <param name="labels">int64 <c>[N]</c>, 0 or more; null for none.</param>
    /// <param name="classCount">The number of classes. Default null: one more than the largest label.</param>
    /// <param name="refuseUnitRange">
    /// Whether to reject float32 images whose values all lie in 0..1, here and in training; see <see cref="PixelRange.Check"/>. Default
    /// true.
    /// </param>
    /// <exception cref="ArgumentException">The images have a wrong type, shape or range, or the labels do not match them.</exception>
    /// <exception cref="ImageDataException">A label is out of range.</exception>
    public static ImageTensors From(Tensor images, Tensor? labels = null, int? classCount = null, bool refuseUnitRange = true)
    {
        ArgumentNullException.ThrowIfNull(images);
        PixelEncoding encoding = EncodingOf(images);
        if (labels is null && classCount is not null)
        {
            throw new ArgumentException($"There are no labels, but classCount is {classCount}. Pass labels, or omit classCount.",
                nameof(classCount));
        }

        if (encoding == PixelEncoding.Float32)
        {
            PixelRange.Check(images, refuseUnitRange);
        }

        long[]? labelValues = labels is null ? null : LabelsOf(labels, images.shape[0]);
        int? classes = labelValues is null ? null : SourceGuard.ClassCount(labelValues.Max(), classCount, "labels");
        int[] size = [.. images.shape.Skip(1).Select(n => checked((int)n))];
        ImageShape shape = encoding == PixelEncoding.UInt8 ? new(size[2], size[0], size[1]) : new(size[0], size[1], size[2]);

        using DisposeScope scope = NewDisposeScope();
        Tensor copy = images.detach().cpu().contiguous().clone().DetachFromDisposeScope();
        return new ImageTensors(copy, shape, encoding, refuseUnitRange, labelValues, classes);
    }

    /// <inheritdoc/>
    public long LabelOf(long index)
    {
        SourceGuard.Index(index, Count);
        return labels is null ? throw SourceGuard.NoLabels() : labels[index];
    }

    /// <inheritdoc cref="Description"/>
    public override string ToString() => Description;

    /// <inheritdoc/>
    public unsafe void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        SourceGuard.Index(index, Count);
        SourceGuard.Destination(destination, imageBytes);
        new ReadOnlySpan<byte>((byte*)memory + (index * imageBytes), imageBytes).CopyTo(destination);
    }

    /// <summary>Frees the copy.</summary>
    public void Dispose()
    {
        disposed = true;
        pixels.Dispose();
    }

    private static PixelEncoding EncodingOf(Tensor images)
    {
        bool bytes = images.dtype == ScalarType.Byte;
        if (images.dim() == 4 && images.dtype == ScalarType.Float32 && images.shape[1] == images.shape[2] && images.shape[1] > 4
            && images.shape[3] is 1 or 3)
        {
            throw new ArgumentException(
                $"Images are float32 [{string.Join(", ", images.shape)}], which looks like [N, H, W, C], but must be [N, C, H, W]. "
                + "Use images.permute(0, 3, 1, 2).", nameof(images));
        }

        if (images.dim() == 4 && images.numel() > 0 && (images.dtype == ScalarType.Float32 || (bytes && images.shape[3] is 1 or 3)))
        {
            return bytes ? PixelEncoding.UInt8 : PixelEncoding.Float32;
        }

        throw new ArgumentException(
            $"Images are {images.dtype} [{string.Join(", ", images.shape)}], but must be float32 [N, C, H, W] in [-1, 1] "
            + "or uint8 [N, H, W, C] with 1 or 3 channels, and not empty.", nameof(images));
    }

    private static long[] LabelsOf(Tensor labels, long count)
    {
        if (labels.dtype != ScalarType.Int64 || labels.dim() != 1 || labels.shape[0] != count)
        {
            throw new ArgumentException(
                $"Labels are {labels.dtype} [{string.Join(", ", labels.shape)}], but must be int64 [{count}]: one for each image.",
                nameof(labels));
        }

        using DisposeScope scope = NewDisposeScope();
        long[] values = labels.cpu().contiguous().data<long>().ToArray();
        int negative = Array.FindIndex(values, value => value < 0);
        return negative < 0 ? values : throw new ArgumentException(
            $"Label {values[negative]} of image {negative} is negative. Count classes from 0; omit the labels if there are none.",
            nameof(labels));
    }
}
