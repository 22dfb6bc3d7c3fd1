using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Data;

/// <summary>A reusable buffer for the images of one batch in the encoding of the source. Any thread may fill it.</summary>
internal sealed class BatchBuffer : IDisposable
{
    private readonly SampleReader samples;
    private readonly bool isForCuda;
    private readonly Tensor raw;
    private readonly nint memory;
    private Tensor? pinned;

    /// <param name="samples">Describes the images.</param>
    /// <param name="images">The maximum number of images in a batch.</param>
    /// <param name="isForCuda">Whether the batches go to a CUDA device.</param>
    public BatchBuffer(SampleReader samples, int images, bool isForCuda)
    {
        (this.samples, this.isForCuda) = (samples, isForCuda);
        using DisposeScope scope = NewDisposeScope();
        ScalarType type = samples.Source.Encoding == PixelEncoding.UInt8 ? ScalarType.Byte : ScalarType.Float32;
        raw = empty(samples.BatchShape(images), type).DetachFromDisposeScope();
        memory = type == ScalarType.Byte
            ? raw.storage<byte>().data_ptr()
            : raw.storage<float>().data_ptr(); // allocated by libtorch, which never moves it
        Labels = samples.HasLabels ? new long[images] : [];
        Positions = new long[images];
    }

    /// <summary>The label of each image; empty without labels.</summary>
    public long[] Labels { get; }

    /// <summary>The position of each image in the run.</summary>
    public long[] Positions { get; }

    /// <summary>The bytes of one image.</summary>
    public unsafe Span<byte> Image(int place) => new((byte*)memory + ((long)place * samples.ImageBytes), samples.ImageBytes);

    /// <summary>
    /// Called when the buffer is filled: copies the first images to pinned memory if they go to a CUDA device. The buffer may be filled
    /// again while a device still reads them from there.
    /// </summary>
    public void Pin(int images)
    {
        if (isForCuda)
        {
            using DisposeScope scope = NewDisposeScope();
            pinned?.Dispose();
            pinned = raw.narrow(0, 0, images).pin_memory().DetachFromDisposeScope();
        }
    }

    /// <summary>
    /// Copies the first images to a batch on a device, with pixels in [-1, 1]; the caller disposes it. Does not wait for a CUDA device.
    /// </summary>
    public ImageBatch ToBatch(int images, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor there = (pinned ?? raw.narrow(0, 0, images)).SendTo(device, copy: samples.Source.Encoding == PixelEncoding.Float32);
        Tensor pixels = samples.Source.Encoding == PixelEncoding.UInt8 ? PixelRange.FromBytes(there) : there; // [B, C, H, W]
        Tensor? labels = samples.HasLabels ? tensor(Labels.AsSpan(0, images).ToArray()) : null; // [B]
        return new ImageBatch(pixels.MoveToOuterDisposeScope(), labels?.MoveToOuterDisposeScope())
        {
            Positions = Positions.AsSpan(0, images).ToArray(),
        };
    }

    public void Dispose()
    {
        raw.Dispose();
        pinned?.Dispose();
    }
}
