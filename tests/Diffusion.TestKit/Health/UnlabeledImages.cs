using Diffusion.Data;
using Diffusion.Training;

namespace Diffusion.TestKit;

/// <summary>The images of a source without their labels: for networks without classes.</summary>
internal sealed class UnlabeledImages(IImageSource images) : IImageSource
{
    public long Count => images.Count;

    public ImageShape Shape => images.Shape;

    public PixelEncoding Encoding => images.Encoding;

    public bool RefusesUnitRange => images.RefusesUnitRange;

    public int? ClassCount => null;

    public string Description => images.Description;

    public bool IsInMemory => images.IsInMemory;

    public IReadOnlyList<long>? GroupSizes => images.GroupSizes;

    public long LabelOf(long index) => throw new InvalidOperationException("There are no labels.");

    public string NameOf(long index) => images.NameOf(index);

    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default) =>
        images.Read(index, destination, draws, cancellationToken);

    public void Dispose() => images.Dispose();
}
