using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit;

/// <summary>Wraps another source. A test can observe its reads and make them fail.</summary>
public sealed class WatchedImages(IImageSource inner, Action<long> onRead) : IImageSource
{
    /// <summary>Called in each read, with its cancellation token.</summary>
    public Action<CancellationToken> OnWait { get; init; } = _ => { };

    public long Count => inner.Count;

    public ImageShape Shape => inner.Shape;

    public PixelEncoding Encoding => inner.Encoding;

    public int? ClassCount => inner.ClassCount;

    public string Description => inner.Description;

    /// <summary>Its description; by default that of the other source.</summary>
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
