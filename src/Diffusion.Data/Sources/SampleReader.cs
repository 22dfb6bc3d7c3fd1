using System.Runtime.InteropServices;

namespace Diffusion.Data;

/// <summary>Describes the images and labels of a source, and checks what it returns. Thread-safe.</summary>
internal sealed class SampleReader(IImageSource source)
{
    private readonly ImageShape shape = source.Shape;
    private readonly PixelEncoding encoding = source.Encoding;
    private readonly int? classes = source.ClassCount;

    public IImageSource Source => source;

    public bool HasLabels => classes is not null;

    /// <summary>The size of one image in the encoding of the source, in bytes.</summary>
    public int ImageBytes { get; } =
        checked((int)(source.Shape.Elements * (source.Encoding == PixelEncoding.UInt8 ? sizeof(byte) : sizeof(float))));

    /// <summary>The shape of a batch in the encoding of the source: <c>[B, H, W, C]</c> of bytes, <c>[B, C, H, W]</c> of floats.</summary>
    public long[] BatchShape(int images) => encoding == PixelEncoding.UInt8
        ? [images, shape.Height, shape.Width, shape.Channels]
        : [images, shape.Channels, shape.Height, shape.Width];

    /// <summary>Rejects a float image outside [-1, 1]: an error of the whole set, not of one file.</summary>
    public void CheckRange(long index, ReadOnlySpan<byte> image)
    {
        if (encoding == PixelEncoding.Float32
            && PixelRange.FindMistake(MemoryMarshal.Cast<byte, float>(image), refuseUnitRange: false) is { } mistake)
        {
            throw new ImageDataException(source.NameOf(index), mistake);
        }
    }

    /// <summary>Reads a label, and rejects it when it is out of range.</summary>
    public long LabelOf(long index)
    {
        long label = source.LabelOf(index);
        return (ulong)label < (ulong)classes!.Value
            ? label
            : throw new ImageDataException(source.NameOf(index), $"its label is {label}, but labels must be in 0..{classes - 1}.");
    }
}
