using System.Runtime.InteropServices;
using Diffusion.TestKit;
using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Data.Tests;

public sealed class BatchReaderTests
{
    [Fact]
    public void Bytes_become_floats_with_channels_first_and_their_labels()
    {
        using DrawnShapes shapes = DrawnShapes.Create(30, 16);
        using ImageBatch batch = new BatchReader(shapes).Read([23, 4, 23]);

        batch.Pixels.shape.Should().Equal(3, 3, 16, 16);
        batch.Pixels.dtype.Should().Be(ScalarType.Float32);
        batch.Labels!.data<long>().ToArray().Should().Equal(3, 4, 3);
        batch.Positions.IsEmpty.Should().BeTrue();
        byte[] image = new byte[16 * 16 * 3];
        shapes.Read(4, image, cancellationToken: TestContext.Current.CancellationToken);
        batch.Pixels[1, 2, 5, 7].item<float>().Should().Be((image[(((5 * 16) + 7) * 3) + 2] / 127.5f) - 1);
        batch.Pixels[0].bytes.ToArray().Should().Equal(batch.Pixels[2].bytes.ToArray());
    }

    [Fact]
    public void Floats_pass_as_they_are()
    {
        using Tensor images = rand(4, 3, 5, 6).mul_(2).sub_(1);
        using ImageTensors source = ImageTensors.From(images);
        using ImageBatch batch = new BatchReader(source).Read([3, 0]);
        batch.Labels.Should().BeNull();
        batch.Pixels[0].bytes.ToArray().Should().Equal(images[3].bytes.ToArray());
        batch.Pixels[1].bytes.ToArray().Should().Equal(images[0].bytes.ToArray());
    }

    [Theory]
    [InlineData(float.NaN, "*NaN or infinity*")]
    [InlineData(1.5f, "*must lie in [-1, 1]*")]
    public void A_bad_float_image_is_rejected_with_its_index(float bad, string message)
    {
        using FloatSource source = new(10, index => index == 7 ? bad : -0.5f);
        BatchReader reader = new(source);
        reader.Read([1, 2, 3]).Dispose();
        Action read = () => reader.Read([1, 7]);
        read.Should().Throw<ImageDataException>().WithMessage(message).Which.Path.Should().Be("float 7");
    }

    [Fact]
    public void Only_the_inspection_rejects_images_in_zero_to_one()
    {
        using FloatSource bright = new(1000, _ => 0.7f);
        BatchReader reader = new(bright);
        reader.Read([.. Enumerable.Range(0, 300).Select(i => (long)i)]).Dispose();
        ((Action)(() => reader.Inspect())).Should().Throw<ImageDataException>().WithMessage("*unscaled values in 0..1*");
        using FloatSource truly = new(1000, _ => 0.7f) { RefusesUnitRange = false };
        new BatchReader(truly).Inspect();

        using FloatSource mixed = new(1000, index => index < 990 ? 0.7f : -0.7f);
        new BatchReader(mixed).Inspect();
    }

    [Fact]
    public void The_inspection_covers_the_whole_set_with_at_most_256_images()
    {
        using FloatSource source = new(10_000, index => index > 9950 ? 300 : -1);
        ((Action)(() => new BatchReader(source).Inspect())).Should().Throw<ImageDataException>();
        source.Reads.Should().BeLessThanOrEqualTo(256);

        using FloatSource one = new(1, _ => 300);
        ((Action)(() => new BatchReader(one).Inspect())).Should().Throw<ImageDataException>();
    }

    [Fact]
    public void The_inspection_allows_as_many_bad_images_as_training()
    {
        using NumberedImages few = new(50, index => index is 3 or 7);
        BatchReader reader = new(few);
        reader.Inspect(maxBadFraction: 0.01);
        ((Action)(() => reader.Inspect())).Should().Throw<ImageDataException>().WithMessage("*2 of 50 inspected images*number 3*");
        using NumberedImages many = new(50, index => index < 11);
        ((Action)(() => new BatchReader(many).Inspect(maxBadFraction: 0.01))).Should().Throw<ImageDataException>()
            .WithMessage("*11 of 50*");
        using NumberedImages all = new(5, _ => true);
        ((Action)(() => new BatchReader(all).Inspect(maxBadFraction: 1))).Should().Throw<ImageDataException>().WithMessage("*5 of 5*");
    }

    [Fact]
    public void A_label_out_of_range_is_rejected()
    {
        using FloatSource source = new(10, _ => 0, label: index => index == 5 ? 3 : 2);
        BatchReader reader = new(source);
        reader.Read([0, 1]).Dispose();
        ((Action)(() => reader.Read([5]))).Should().Throw<ImageDataException>().WithMessage("float 5: its label is 3*0..2*");
    }

    [Fact]
    public void A_held_out_image_with_an_invalid_label_is_skipped_like_an_unreadable_one()
    {
        List<BadImage> bad = [];
        using FloatSource source = new(10, _ => 0, label: index => index == 5 ? 3 : 2);
        using ImageBatch batch = new BatchReader(source).ReadGood([4, 5, 6], bad.Add)!;
        batch.Positions.ToArray().Should().Equal(0, 2);
        bad.Should().ContainSingle().Which.Name.Should().Be("float 5");
    }

    [Fact]
    public void An_empty_batch_and_an_index_out_of_range_are_rejected()
    {
        using DrawnShapes shapes = DrawnShapes.Create(3, 8);
        BatchReader reader = new(shapes);
        ((Action)(() => reader.Read([]))).Should().Throw<ArgumentException>();
        ((Action)(() => reader.Read([3]))).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Reading_leaks_nothing_and_allocates_little()
    {
        using DrawnShapes shapes = DrawnShapes.Create(64, 16);
        BatchReader reader = new(shapes);
        long[] indices = [.. Enumerable.Range(0, 64).Select(i => (long)i)];
        reader.Read(indices).Dispose();
        long tensors = LiveTensors.Settle();
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            reader.Read(indices).Dispose();
        }

        LiveTensors.OfProcess.Should().BeLessThanOrEqualTo(tensors);
        ((GC.GetAllocatedBytesForCurrentThread() - bytes) / 640).Should().BeLessThan(100);
    }

    [Fact]
    public void A_batch_disposes_both_of_its_tensors()
    {
        using DrawnShapes shapes = DrawnShapes.Create(2, 8);
        ImageBatch batch = new BatchReader(shapes).Read([0]);
        batch.Dispose();
        batch.Pixels.IsInvalid.Should().BeTrue();
        batch.Labels!.IsInvalid.Should().BeTrue();
    }

    private sealed class FloatSource(int count, Func<long, float> value, Func<long, long>? label = null) : IImageSource
    {
        public int Reads { get; private set; }

        public long Count => count;

        public ImageShape Shape => new(1, 4, 5);

        public PixelEncoding Encoding => PixelEncoding.Float32;

        public bool RefusesUnitRange { get; init; } = true;

        public int? ClassCount => label is null ? null : 3;

        public string Description => "test floats";

        public long LabelOf(long index) => label!(index);

        public string NameOf(long index) => $"float {index}";

        public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
        {
            Reads++;
            MemoryMarshal.Cast<byte, float>(destination).Fill(value(index));
        }

        public void Dispose()
        {
        }
    }
}
