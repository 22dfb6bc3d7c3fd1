using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Core.Tests.Randomness;

public sealed class NormalNoiseTests
{
    private static readonly ImageShape Shape = new(3, 5, 7);

    [Fact]
    public void An_images_noise_does_not_depend_on_its_batch()
    {
        SeedStream seeds = new(4);
        using Tensor whole = NormalNoise.Draw(seeds, RandomPurpose.Noise, [0, 1, 2, 3, 4, 5, 6], Shape);
        using Tensor first = NormalNoise.Draw(seeds, RandomPurpose.Noise, [0, 1, 2], Shape);
        using Tensor rest = NormalNoise.Draw(seeds, RandomPurpose.Noise, [3, 4, 5, 6], Shape);
        using Tensor joined = cat([first, rest], 0);
        joined.SameBits(whole).Should().BeTrue();

        using Tensor shuffled = NormalNoise.Draw(seeds, RandomPurpose.Noise, [5, 0], Shape);
        using Tensor picked = whole[tensor((long[])[5, 0])];
        shuffled.SameBits(picked).Should().BeTrue();
    }

    [Fact]
    public void Drawing_again_gives_the_same_whatever_the_global_generator_and_the_threads()
    {
        SeedStream seeds = new(4);
        using Tensor once = NormalNoise.Draw(seeds, RandomPurpose.Noise, [8, 9], ImageShape.Square(64));
        int threads = get_num_threads();
        set_num_threads(1);
        using Generator _ = manual_seed(99);
        using Tensor again = NormalNoise.Draw(seeds, RandomPurpose.Noise, [8, 9], ImageShape.Square(64));
        set_num_threads(threads);
        again.SameBits(once).Should().BeTrue();
    }

    [Fact]
    public void On_a_device_it_has_the_same_bits_and_is_sent_once()
    {
        long[] derived = [3, 1L << 40];
        using Tensor expected = NormalNoise.Draw(derived, Shape);
        (long sent, long read) = Transfers.OfThread;

        using Tensor actual = NormalNoise.Draw(derived, Shape, CPU);

        (Transfers.OfThread.Sent - sent, Transfers.OfThread.Read - read).Should().Be((1L, 0L));
        actual.SameBits(expected).Should().BeTrue();
    }

    [Fact]
    public void It_leaves_the_global_generator_alone()
    {
        using Generator _ = manual_seed(5);
        using Tensor expected = rand(4);
        using Generator __ = manual_seed(5);
        NormalNoise.Draw(new SeedStream(1), RandomPurpose.Noise, [0, 1], Shape).Dispose();
        using Tensor actual = rand(4);
        actual.SameBits(expected).Should().BeTrue();
    }

    [Fact]
    public void Seeds_purposes_and_images_have_noise_of_their_own()
    {
        using Tensor noise = cat(
            [
                NormalNoise.Draw(new SeedStream(1), RandomPurpose.Noise, [0, 1], Shape),
                NormalNoise.Draw(new SeedStream(2), RandomPurpose.Noise, [0, 1], Shape),
                NormalNoise.Draw(new SeedStream(1), RandomPurpose.InitialNoise, [0, 1], Shape),
            ],
            0).flatten(1);
        for (int i = 0; i < 6; i++)
        {
            for (int j = 0; j < i; j++)
            {
                noise[i].MaxDifference(noise[j]).Should().BeGreaterThan(1);
            }
        }
    }

    [Fact]
    public void Noise_is_standard_normal_float32_on_the_CPU()
    {
        using Tensor noise = NormalNoise.Draw(new SeedStream(6), RandomPurpose.Noise, [.. Enumerable.Range(0, 100).Select(i => (long)i)],
            ImageShape.Square(32));
        noise.shape.Should().Equal(100, 3, 32, 32);
        noise.dtype.Should().Be(ScalarType.Float32);
        noise.device_type.Should().Be(DeviceType.CPU);

        // 307,200 numbers: four standard errors of mean, variance, skewness and kurtosis.
        using Tensor values = noise.to(ScalarType.Float64);
        const double n = 307_200;
        Moment(1).Should().BeApproximately(0, 4 * Math.Sqrt(1 / n));
        Moment(2).Should().BeApproximately(1, 4 * Math.Sqrt(2 / n));
        Moment(3).Should().BeApproximately(0, 4 * Math.Sqrt(15 / n));
        Moment(4).Should().BeApproximately(3, 4 * Math.Sqrt(96 / n));

        double Moment(int power)
        {
            using Tensor raised = values.pow(power);
            using Tensor mean = raised.mean();
            return mean.item<double>();
        }
    }

    [Fact]
    public void Seeds_that_differ_only_in_their_upper_half_give_different_noise()
    {
        // libtorch's CPU generator heeds 32 bits of a seed.
        (long first, long second) = IndicesOfOneLowerHalf(new SeedStream(1));
        using Tensor noise = NormalNoise.Draw(new SeedStream(1), RandomPurpose.InitialNoise, [first, second], Shape);
        using Tensor one = noise[0];
        using Tensor other = noise[1];
        one.MaxDifference(other).Should().BeGreaterThan(1);
    }

    [Fact]
    public void Nothing_is_left_behind() =>
        LiveTensors.GrowthOver(5, () => NormalNoise.Draw(new SeedStream(1), RandomPurpose.Noise, [0, 1, 2], Shape).Dispose()).Should()
            .Be(0);

    private static (long First, long Second) IndicesOfOneLowerHalf(SeedStream seeds)
    {
        Dictionary<uint, long> seen = [];
        for (long i = 0; ; i++)
        {
            uint lower = (uint)seeds.Derive(RandomPurpose.InitialNoise, i);
            if (!seen.TryAdd(lower, i))
            {
                return (seen[lower], i);
            }
        }
    }
}
