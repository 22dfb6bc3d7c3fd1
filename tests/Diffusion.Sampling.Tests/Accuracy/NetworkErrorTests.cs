using Diffusion.Sampling.Tests.Traces;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Accuracy;

/// <summary>A small error of the network stays small in the images, also in steps from nearly pure noise.</summary>
public sealed class NetworkErrorTests
{
    private const double Error = 0.01;
    private const double MaxFactor = 40; // the exact flow itself multiplies it by 10

    private static readonly INoiseSchedule Schedule = NoiseSchedule.Cosine(); // begins with alpha / sigma = 5e-5

    public static TheoryData<string> Samplers { get; } = [.. SweepTests.Samplers.Keys];

    [Theory]
    [MemberData(nameof(Samplers))]
    public void A_small_error_of_the_network_stays_small(string sampler)
    {
        foreach (int steps in new[] { 5, 10, 20, 50 })
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor difference = Sample(sampler, steps, Error) - Sample(sampler, steps, 0);
            (difference.abs().max().item<double>() / Error).Should().BeLessThan(MaxFactor, "{0} with {1} steps", sampler, steps);
        }
    }

    private static Tensor Sample(string sampler, int steps, double error)
    {
        IReadOnlyList<NoiseLevel> levels = new TimestepGrid().Levels(Schedule, steps);
        using MixtureDenoiser exact = new(Schedule);
        Tensor x = new KeyedNoise([1, 1, 8, 8], 5).Draw(0, 0, default, default).to(ScalarType.Float64) * levels[0].Sigma;
        return (SweepTests.Samplers[sampler] with { Steps = steps }).Walk(new SamplingWalk(new Mistaken(exact, error),
            Conditioning.None, levels, x, new KeyedNoise([1, 1, 8, 8]), (_, _, _) => { }, CancellationToken.None));
    }

    // The clean image of an exact denoiser, off by a wave of the noisy image.
    private sealed class Mistaken(IDenoiser exact, double error) : IDenoiser
    {
        public Denoiser Source => exact.Source;

        public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
        {
            using Estimate estimate = exact.Denoise(noisy, level, conditioning);
            Tensor clean = estimate.Clean + ((noisy * (5 / double.Hypot(level.Alpha, level.Sigma))).sin() * error);
            return new Estimate(clean, (noisy - (clean * level.Alpha)) / level.Sigma);
        }
    }
}
