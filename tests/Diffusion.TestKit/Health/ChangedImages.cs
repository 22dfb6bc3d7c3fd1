using System.Runtime.InteropServices;
using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit;

/// <summary>Changes another source of bytes.</summary>
public sealed class ChangedImages(IImageSource inner) : IImageSource
{
    /// <summary>Maps an index to an index of the other source.</summary>
    public Func<long, long> Index { get; init; } = index => index;

    /// <summary>The label of an image, from that of the other source.</summary>
    public Func<long, long> Label { get; init; } = label => label;

    /// <summary>Computes a float from the index of the image and the value in [-1, 1]; null keeps bytes.</summary>
    public Func<long, float, float>? Value { get; init; }

    /// <summary>Called before each read.</summary>
    public Action OnRead { get; init; } = () => { };

    /// <summary>Whether a loader can work without threads.</summary>
    public bool IsInMemory { get; init; } = true;

    public long Count => inner.Count;

    public ImageShape Shape => inner.Shape;

    public PixelEncoding Encoding => Value is null ? inner.Encoding : PixelEncoding.Float32;

    public int? ClassCount => inner.ClassCount;

    public string Description => $"changed {inner.Description}";

    public long LabelOf(long index) => Label(inner.LabelOf(Index(index)));

    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        OnRead();
        if (Value is null)
        {
            inner.Read(Index(index), destination, draws, cancellationToken);
            return;
        }

        byte[] bytes = new byte[Shape.Elements]; // [H, W, C]
        inner.Read(Index(index), bytes, draws, cancellationToken);
        Span<float> floats = MemoryMarshal.Cast<byte, float>(destination); // [C, H, W]
        int area = Shape.Height * Shape.Width;
        for (int i = 0; i < bytes.Length; i++)
        {
            floats[(i % Shape.Channels * area) + (i / Shape.Channels)] = Value(index, (bytes[i] / 127.5f) - 1);
        }
    }

    public void Dispose() => inner.Dispose();
}
