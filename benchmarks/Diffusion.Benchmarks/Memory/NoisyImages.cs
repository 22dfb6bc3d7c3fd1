using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>Images of any shape, generated when they are read, so that they need no memory.</summary>
internal sealed class NoisyImages(ImageShape shape, int? classes) : IImageSource
{
    public long Count => 1024;

    public ImageShape Shape => shape;

    public PixelEncoding Encoding => PixelEncoding.UInt8;

    public int? ClassCount => classes;

    public string Description => $"noise({shape})";

    public long LabelOf(long index) => index % (classes ?? 1);

    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = (byte)((i * 37) + (index * 11));
        }
    }

    public void Dispose()
    {
    }
}
