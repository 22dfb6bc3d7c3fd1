using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Data;

/// <summary>Memory for the images of one batch as the source gives them, filled by any thread and used again and again.</summary>
internal sealed class BatchBuffer : IDisposable
{
    private readonly SampleReader samples;
    private readonly Tensor raw;
    private readonly nint memory;

    /// <param name="samples">Says the shape of an image.</param>
    /// <param name="images">The most images of a batch.</param>
    /// <param name="pinned">Whether a CUDA device copies from it.</param>
    public BatchBuffer(SampleReader samples, int images, bool pinned)
    {
        this.samples = samples;
        using DisposeScope scope = NewDisposeScope();
        ScalarType type = samples.Source.Encoding == PixelEncoding.UInt8 ? ScalarType.Byte : ScalarType.Float32;
        Tensor paged = empty(samples.BatchShape(images), type);
        raw = (pinned ? paged.pin_memory() : paged).DetachFromDisposeScope();
        memory = type == ScalarType.Byte
            ? raw.storage<byte>().data_ptr()
            : raw.storage<float>().data_ptr(); // libtorch's, which never moves
        Labels = samples.HasLabels ? new long[images] : [];
        Positions = new long[images];
    }

    /// <summary>The label of each image; empty without labels.</summary>
    public long[] Labels { get; }

    /// <summary>The place of each image in the run.</summary>
    public long[] Positions { get; }

    /// <summary>The memory of one image.</summary>
    public unsafe Span<byte> Image(int place) => new((byte*)memory + ((long)place * samples.ImageBytes), samples.ImageBytes);

    /// <summary>The first images as a batch of its own, in [-1, 1] on a device; it belongs to the caller.</summary>
    public ImageBatch ToBatch(int images, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor there = raw.narrow(0, 0, images).to(device, copy: samples.Source.Encoding == PixelEncoding.Float32);
        Tensor pixels = samples.Source.Encoding == PixelEncoding.UInt8 ? PixelRange.FromBytes(there) : there; // [B, C, H, W]
        Tensor? labels = samples.HasLabels ? tensor(Labels.AsSpan(0, images).ToArray()) : null; // [B]
        return new ImageBatch(pixels.MoveToOuterDisposeScope(), labels?.MoveToOuterDisposeScope())
        {
            Positions = Positions.AsSpan(0, images).ToArray(),
        };
    }

    public void Dispose() => raw.Dispose();
}
