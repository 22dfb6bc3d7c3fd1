using System.Buffers.Binary;
using Diffusion.Data;

namespace Diffusion.TestKit;

/// <summary>Images whose first pixels are their index and the random draws of the read; some images are bad.</summary>
public sealed class NumberedImages(long count, Func<long, bool>? isBad = null, IReadOnlyList<long>? groups = null) : IImageSource
{
    private int reads;

    public int Reads => reads;

    public Action<long>? OnRead { get; init; }

    public long Count => count;

    public ImageShape Shape => new(3, 2, 3);

    public PixelEncoding Encoding => PixelEncoding.UInt8;

    public int? ClassCount => 7;

    public string Description => $"{count} numbered images";

    public bool IsInMemory => false;

    public IReadOnlyList<long>? GroupSizes => groups;

    public static long IndexIn(ReadOnlySpan<byte> image) => BinaryPrimitives.ReadInt64LittleEndian(image);

    public long LabelOf(long index) => index % 7;

    public string NameOf(long index) => $"number {index}";

    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref reads);
        OnRead?.Invoke(index);
        if (isBad?.Invoke(index) == true)
        {
            throw new ImageDataException(NameOf(index), "it is broken.");
        }

        BinaryPrimitives.WriteInt64LittleEndian(destination, index);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], (draws ?? default).Seed);
        destination[16..].Fill((byte)index);
    }

    public void Dispose()
    {
    }
}
