using Samples;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Data.Tests.Transforms;

public sealed class FlipTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(2, true)]
    public void Half_of_the_reads_are_flipped_but_no_measurement(int channels, bool floats)
    {
        using Tensor images = floats ? rand(1, channels, 4, 5).mul_(2).sub_(1) : randint(0, 256, [1, 4, 5, channels], ScalarType.Byte);
        using Tensor flipped = images.flip(floats ? 3 : 2);
        byte[] plain = images.bytes.ToArray();
        byte[] mirrored = flipped.contiguous().bytes.ToArray();
        using IImageSource source = ImageTensors.From(images).With(ImageTransform.RandomFlip());

        byte[] read = new byte[plain.Length];
        source.Read(0, read, cancellationToken: TestContext.Current.CancellationToken);
        read.Should().Equal(plain);
        int flips = 0;
        for (int i = 0; i < 1000; i++)
        {
            source.Read(0, read, new SeedStream(i), cancellationToken: TestContext.Current.CancellationToken);
            bool flip = !read.AsSpan().SequenceEqual(plain);
            flips += flip ? 1 : 0;
            read.Should().Equal(flip ? mirrored : plain);
        }

        flips.Should().BeInRange(420, 580);
    }

    [Fact]
    public void Bytes_of_two_and_four_channels_are_flipped_pixel_by_pixel()
    {
        byte[] image = [1, 2, 3, 4, 5, 6, 7, 8];
        Apply(ImageTransform.RandomFlip(1), image, new ImageShape(2, 1, 4)).Should().Equal(7, 8, 5, 6, 3, 4, 1, 2);
        Apply(ImageTransform.RandomFlip(1), image, new ImageShape(4, 1, 2)).Should().Equal(5, 6, 7, 8, 1, 2, 3, 4);
        Apply(ImageTransform.RandomFlip(0), image, new ImageShape(4, 1, 2)).Should().Equal(image);
    }

    [Fact]
    public void A_random_transform_cannot_be_loaded_into_memory_but_added_afterwards()
    {
        FluentActions.Invoking(() => InMemoryImages.Load(DrawnShapes.Create(10, 16).With(ImageTransform.RandomFlip())))
            .Should().Throw<ArgumentException>()
                .WithMessage("*random transforms (RandomFlip) would have no effect*InMemoryImages.Load(source).With(...)*");

        using DrawnShapes plain = DrawnShapes.Create(10, 16);
        using IImageSource outside = InMemoryImages.Load(DrawnShapes.Create(10, 16),
            cancellationToken: TestContext.Current.CancellationToken)
            .With(ImageTransform.RandomFlip());
        byte[] expected = new byte[16 * 16 * 3];
        byte[] read = new byte[expected.Length];
        Enumerable.Range(0, 200).Count(i =>
        {
            plain.Read(i % 10, expected, cancellationToken: TestContext.Current.CancellationToken);
            outside.Read(i % 10, read, new SeedStream(i), TestContext.Current.CancellationToken);
            return !read.AsSpan().SequenceEqual(expected);
        }).Should().BeInRange(60, 140);
    }

    private static byte[] Apply(ImageTransform transform, byte[] image, ImageShape shape)
    {
        byte[] copy = [.. image];
        new TransformList([transform], [], shape.Channels).Edit(new ImageCanvas(copy, shape, PixelEncoding.UInt8), new SeedStream(1));
        return copy;
    }
}
