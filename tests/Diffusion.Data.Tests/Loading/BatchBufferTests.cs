namespace Diffusion.Data.Tests;

public sealed class BatchBufferTests
{
    [Fact]
    public void A_batch_may_have_more_bytes_than_a_span()
    {
        using HugeImages images = new();
        using BatchBuffer buffer = new(new SampleReader(images), images: 3, isForCuda: false);
        for (int place = 0; place < 3; place++)
        {
            Span<byte> image = buffer.Image(place);
            image[0] = (byte)(1 + place);
            image[^1] = (byte)(11 + place);
        }

        for (int place = 0; place < 3; place++)
        {
            Span<byte> image = buffer.Image(place);
            (image[0], image[^1]).Should().Be(((byte)(1 + place), (byte)(11 + place)));
        }
    }

    /// <summary>Images of 1 GiB each, none of which is read.</summary>
    private sealed class HugeImages : IImageSource
    {
        public long Count => 3;

        public ImageShape Shape => ImageShape.Square(32768, 1);

        public PixelEncoding Encoding => PixelEncoding.UInt8;

        public int? ClassCount => null;

        public string Description => "huge images";

        public long LabelOf(long index) => throw new NotSupportedException();

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
