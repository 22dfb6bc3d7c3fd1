using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Reads images of a source straight into the memory of a batch, and refuses float images that are not in [-1, 1].
/// Safe from several threads. The source stays its caller's.
/// </summary>
public sealed class BatchReader
{
    private const int InspectedImages = 256;
    private const long InspectedElements = 1 << 26;

    private readonly IImageSource source;

    /// <summary>A reader of one source.</summary>
    /// <param name="source">Any set of images.</param>
    public BatchReader(IImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        TorchBackend.EnsureLoaded();
        this.source = source;
    }

    /// <summary>
    /// Reads up to 256 images (fewer of large ones) spread evenly over the set and checks their labels and range, so that a mistake is found before the first
    /// step. Only here are float images refused that have no value below 0, as 0..1 passed as they are: a single batch may be so by chance.
    /// </summary>
    /// <param name="refuseUnitRange">False lets float images pass whose values all lie in 0..1. Default true.</param>
    /// <exception cref="ImageDataException">An image or a label cannot be used.</exception>
    public void Inspect(bool refuseUnitRange = true)
    {
        long fitting = Math.Max(1, InspectedElements / source.Shape.Elements);
        int images = (int)Math.Min(source.Count, Math.Min(fitting, InspectedImages));
        long[] indices = [.. Enumerable.Range(0, images).Select(i => (long)((Int128)i * source.Count / images))];
        using ImageBatch batch = Read(indices);
        if (source.Encoding == PixelEncoding.Float32
            && PixelRange.FindMistake(MemoryMarshal.Cast<byte, float>(batch.Pixels.bytes), refuseUnitRange) is { } mistake)
        {
            throw new ImageDataException(source.Description, mistake);
        }
    }

    /// <summary>Reads a batch.</summary>
    /// <param name="indices">Which images of the source, at least one; the same may come twice.</param>
    /// <returns>The batch, on the CPU; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">A float image is not in [-1, 1] or not finite, or a label is outside its range.</exception>
    public ImageBatch Read(ReadOnlySpan<long> indices)
    {
        if (indices.IsEmpty)
        {
            throw new ArgumentException("A batch needs at least one image.", nameof(indices));
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor? labels = ReadLabels(indices); // [B]
        Tensor pixels = source.Encoding == PixelEncoding.UInt8 ? ReadBytes(indices) : ReadFloats(indices); // [B, C, H, W]
        return new ImageBatch(pixels.MoveToOuterDisposeScope(), labels?.MoveToOuterDisposeScope());
    }

    private Tensor ReadBytes(ReadOnlySpan<long> indices)
    {
        ImageShape shape = source.Shape;
        Tensor images = empty([indices.Length, shape.Height, shape.Width, shape.Channels], ScalarType.Byte); // [B, H, W, C]
        Span<byte> bytes = images.bytes;
        int size = bytes.Length / indices.Length;
        for (int i = 0; i < indices.Length; i++)
        {
            source.Read(indices[i], bytes.Slice(i * size, size));
        }

        return PixelRange.FromBytes(images); // [B, C, H, W]
    }

    private Tensor ReadFloats(ReadOnlySpan<long> indices)
    {
        ImageShape shape = source.Shape;
        Tensor images = empty([indices.Length, shape.Channels, shape.Height, shape.Width], ScalarType.Float32); // [B, C, H, W]
        Span<byte> bytes = images.bytes;
        int size = bytes.Length / indices.Length;
        for (int i = 0; i < indices.Length; i++)
        {
            Span<byte> image = bytes.Slice(i * size, size);
            source.Read(indices[i], image);
            if (PixelRange.FindMistake(MemoryMarshal.Cast<byte, float>(image), refuseUnitRange: false) is { } mistake)
            {
                throw new ImageDataException($"Image {indices[i]} of {source.Description}", mistake);
            }
        }

        return images;
    }

    private Tensor? ReadLabels(ReadOnlySpan<long> indices)
    {
        if (source.ClassCount is not { } classes)
        {
            return null;
        }

        Tensor labels = empty([indices.Length], ScalarType.Int64); // [B]
        Span<long> values = MemoryMarshal.Cast<byte, long>(labels.bytes);
        for (int i = 0; i < indices.Length; i++)
        {
            values[i] = source.LabelOf(indices[i]);
            if ((ulong)values[i] >= (ulong)classes)
            {
                throw new ImageDataException(
                    $"Image {indices[i]} of {source.Description}", $"its label is {values[i]}, but labels must lie in 0..{classes - 1}.");
            }
        }

        return labels;
    }
}
