using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Data;

public sealed class RandomFlipTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(3, false)]
    [InlineData(2, true)]
    public void Half_of_the_readings_are_mirrored_and_a_measurement_never_is(int channels, bool floats)
    {
        using Tensor images = floats ? rand(1, channels, 4, 5).mul_(2).sub_(1) : randint(0, 256, [1, 4, 5, channels], ScalarType.Byte);
        using Tensor flipped = images.flip(floats ? 3 : 2);
        byte[] plain = images.bytes.ToArray();
        byte[] mirrored = flipped.contiguous().bytes.ToArray();
        using RandomFlip source = new(ImageTensors.From(images));

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
    public void The_same_draws_give_the_same_image()
    {
        using RandomFlip source = new(DrawnShapes.Create(10, 16));
        byte[] first = new byte[16 * 16 * 3];
        byte[] second = new byte[16 * 16 * 3];
        for (int i = 0; i < 10; i++)
        {
            source.Read(i, first, new SeedStream(i), cancellationToken: TestContext.Current.CancellationToken);
            source.Read(i, second, new SeedStream(i), cancellationToken: TestContext.Current.CancellationToken);
            second.Should().Equal(first);
        }
    }

    [Fact]
    public void Loaded_into_memory_nothing_is_mirrored_but_what_is_loaded_can_be()
    {
        using DrawnShapes plain = DrawnShapes.Create(10, 16);
        using InMemoryImages inside = InMemoryImages.Load(new RandomFlip(DrawnShapes.Create(10, 16)), cancellationToken: TestContext.Current.CancellationToken);
        using RandomFlip outside = new(InMemoryImages.Load(DrawnShapes.Create(10, 16), cancellationToken: TestContext.Current.CancellationToken));

        Mirrored(inside).Should().Be(0);
        Mirrored(outside).Should().BeInRange(60, 140);

        int Mirrored(IImageSource source)
        {
            byte[] expected = new byte[16 * 16 * 3];
            byte[] read = new byte[expected.Length];
            return Enumerable.Range(0, 200).Count(i =>
            {
                plain.Read(i % 10, expected, cancellationToken: TestContext.Current.CancellationToken);
                source.Read(i % 10, read, new SeedStream(i), TestContext.Current.CancellationToken);
                return !read.AsSpan().SequenceEqual(expected);
            });
        }
    }
}
