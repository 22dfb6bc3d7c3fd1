using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

/// <summary>The data and requests that the samplers' tests share: pixels drawn from N(0.25, 0.5^2), two RGB images of 4 x 4.</summary>
public static class SamplerCase
{
    public const double Mean = 0.25;
    public const double Deviation = 0.5;

    public static ImageShape Shape { get; } = ImageShape.Square(4);

    public static SampleRequest Request { get; } = new() { Count = 2, Seed = 11 };

    public static Denoiser Oracle(DiscreteSchedule schedule, PredictionType prediction = PredictionType.Epsilon) =>
        GaussianOracle.Create(schedule, prediction, Mean, Deviation, Shape);

    /// <summary>Samples until the test is canceled.</summary>
    public static Tensor Make(this ISampler sampler, Denoiser denoiser, SampleRequest request,
        IProgress<SamplingProgress>? progress = null) =>
        sampler.Sample(denoiser, request, progress, TestContext.Current.CancellationToken);

    /// <inheritdoc cref="Make(ISampler, Denoiser, SampleRequest, IProgress{SamplingProgress})"/>
    public static Tensor Make(
        this ISampler sampler,
        Denoiser denoiser,
        int count,
        long seed = 0,
        IReadOnlyList<long>? classLabels = null,
        IProgress<SamplingProgress>? progress = null) =>
        sampler.Sample(denoiser, count, seed, classLabels, progress, TestContext.Current.CancellationToken);

    /// <summary>The samples that a walk in numbers foretells, from the same noise.</summary>
    public static Tensor Expected(ScalarWalk walk, int[] timesteps)
    {
        SeedStream seeds = new(Request.Seed);
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Noise(seeds, RandomPurpose.InitialNoise).mul_(walk.First).add_(walk.Offset);
        for (int i = 0; i < walk.Added.Length; i++)
        {
            x.add_(Noise(seeds.Child(RandomPurpose.StepNoise, timesteps[i]), RandomPurpose.StepNoise).mul_(walk.Added[i]));
        }

        return x.MoveToOuterDisposeScope();
    }

    /// <summary>Mean and standard deviation over all numbers.</summary>
    public static (double Mean, double Deviation) Moments(Tensor images)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = images.to(ScalarType.Float64);
        return (values.mean().item<double>(), values.std(unbiased: false).item<double>());
    }

    private static Tensor Noise(SeedStream seeds, RandomPurpose purpose) =>
        NormalNoise.Draw(seeds, purpose, [0, 1], Shape).to(ScalarType.Float64);
}
