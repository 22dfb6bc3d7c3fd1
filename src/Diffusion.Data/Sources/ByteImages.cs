namespace Diffusion.Data;

/// <summary>Byte images of equal size in one array, with or without labels, as read from IDX files.</summary>
internal sealed class ByteImages : IImageSource
{
    private readonly byte[] pixels;
    private readonly int[]? labels;
    private readonly int imageBytes;

    public ByteImages(byte[] pixels, ImageShape shape, int[]? labels, int? classCount, string description)
    {
        this.pixels = pixels;
        this.labels = labels;
        imageBytes = checked((int)shape.Elements);
        Count = pixels.Length / imageBytes;
        Shape = shape;
        ClassCount = labels is null ? null : classCount;
        Description = description;
    }

    public long Count { get; }

    public ImageShape Shape { get; }

    public PixelEncoding Encoding => PixelEncoding.UInt8;

    public int? ClassCount { get; }

    public string Description { get; }

    public long LabelOf(long index)
    {
        SourceGuard.Index(index, Count);
        return labels is null ? throw SourceGuard.NoLabels() : labels[index];
    }

    public override string ToString() => Description;

    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        SourceGuard.Index(index, Count);
        SourceGuard.Destination(destination, imageBytes);
        pixels.AsSpan((int)(index * imageBytes), imageBytes).CopyTo(destination);
    }

    public void Dispose()
    {
    }
}
