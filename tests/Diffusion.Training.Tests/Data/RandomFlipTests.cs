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
}
