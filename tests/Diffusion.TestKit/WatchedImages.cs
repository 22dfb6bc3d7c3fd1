using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit;

/// <summary>Another source, whose reads a test sees, and can make fail.</summary>
public sealed class WatchedImages(IImageSource inner, Action<long> onRead) : IImageSource
{
    /// <summary>Called within each read, with the token that ends it.</summary>
    public Action<CancellationToken> OnWait { get; init; } = _ => { };

    public long Count => inner.Count;

    public ImageShape Shape => inner.Shape;

    public PixelEncoding Encoding => inner.Encoding;

    public int? ClassCount => inner.ClassCount;

    public string Description => inner.Description;

    /// <summary>What it says of itself; that of the other source where nothing is given.</summary>
    public ImageSourceReport Report { get; init; } = inner.Report;

    public long LabelOf(long index) => inner.LabelOf(index);

    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        onRead(index);
        OnWait(cancellationToken);
        inner.Read(index, destination, draws, cancellationToken);
    }

    public void Dispose() => inner.Dispose();
}
