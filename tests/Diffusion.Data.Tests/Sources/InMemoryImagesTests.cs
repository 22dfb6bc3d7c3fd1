using System.Runtime.InteropServices;

namespace Diffusion.Data.Tests;

public sealed class InMemoryImagesTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Loading_reports_all_images_and_labels_that_cannot_be_used()
    {
        FloatImages source = new(10, index => index == 3 ? float.NaN : 0.5f, index => index == 7 ? 99 : 0);
        FluentActions.Invoking(() => InMemoryImages.Load(source, cancellationToken: Token)).Should().Throw<ImageDataException>()
            .WithMessage(
                "*2 of 10 images cannot be used:*float 3: Images hold NaN or infinity*float 7: its label is 99, "
                + "but labels must be in 0..2*");
        source.IsDisposed.Should().BeTrue();
    }

    [Fact]
    public void Loaded_images_equal_the_source_which_is_read_once()
    {
        int reads = 0;
        FloatImages source = new(5, index =>
        {
            Interlocked.Increment(ref reads);
            return index / 10f;
        });
        using InMemoryImages images = InMemoryImages.Load(source, cancellationToken: Token);
        float[] pixels = new float[4];
        for (int i = 0; i < 5; i++)
        {
            images.Read(i, MemoryMarshal.AsBytes(pixels.AsSpan()), cancellationToken: Token);
            pixels.Should().OnlyContain(value => value == i / 10f);
        }

        reads.Should().Be(5);
        (images.Count, images.ClassCount, ((IImageSource)images).IsInMemory).Should().Be((5, 3, true));
    }

    [Fact]
    public void A_set_beyond_the_limit_is_rejected_before_reading()
    {
        FloatImages source = new(10, _ => throw new InvalidOperationException("It was read."));
        FluentActions.Invoking(() => InMemoryImages.Load(source, memoryLimit: 159, Token)).Should().Throw<ImageDataException>()
            .WithMessage("*10 images of 16 bytes exceed the memory limit of 159*");
    }

    private sealed class FloatImages(int count, Func<long, float> value, Func<long, long>? label = null) : IImageSource
    {
        public bool IsDisposed { get; private set; }

        public long Count => count;

        public ImageShape Shape => new(1, 2, 2);

        public PixelEncoding Encoding => PixelEncoding.Float32;

        public int? ClassCount => 3;

        public string Description => "floats";

        public long LabelOf(long index) => label?.Invoke(index) ?? 0;

        public string NameOf(long index) => $"float {index}";

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default) =>
            MemoryMarshal.Cast<byte, float>(destination).Fill(value(index));

        public void Dispose() => IsDisposed = true;
    }
}
