using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit;

/// <summary>Small gray images of stripes, different for each index, as training data.</summary>
public sealed class StripedImages(int count = 40, int size = 8, int? classCount = null) : IImageSource
{
    public long Count => count;

    public ImageShape Shape => ImageShape.Square(size, 1);

    public PixelEncoding Encoding => PixelEncoding.UInt8;

    public int? ClassCount => classCount;

    public string Description => $"stripes({count}, {size})";

    public long LabelOf(long index) => index % (classCount ?? 1);

    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = (byte)((i + index) % 4 < 2 ? 20 + index : 235 - index);
        }
    }

    public void Dispose()
    {
    }
}
