using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

public sealed class DdpmSamplerTests
{
    public static TheoryData<NoiseScheduleKind, DdpmVariance, ScalarWalk> Walks { get; } = new()
    {
        {
            NoiseScheduleKind.Linear, DdpmVariance.FixedSmall,
            new(0.0015882525962707774, 0.2499974775300447, 0.01439591612005456, 0.06968069456671669, 0.19698897596382206,
                0.009995956394475489)
        },
        {
            NoiseScheduleKind.Cosine, DdpmVariance.FixedSmall,
            new(1.232063035086586e-05, 0.24999999984820212, 0.09849939170764796, 0.18009337431082384, 0.2240366120141022,
                0.006423623878436419)
        },
        {
            NoiseScheduleKind.Linear, DdpmVariance.FixedLarge,
            new(0.0015882525962707774, 0.2499974775300447, 0.014419803027369118, 0.07243864880464386, 0.27345090859573407,
                0.6915128432191042)
        },
        {
            NoiseScheduleKind.Cosine, DdpmVariance.FixedLarge,
            new(1.232063035086586e-05, 0.24999999984820212, 0.10647942631895391, 0.23380600279442218, 0.406640539234669,
                0.39246983606828406)
        },
    };

    [Theory]
    [MemberData(nameof(Walks))]
    public void Few_steps_are_a_schedule_of_their_own_with_the_posterior_of_equation_7(
        NoiseScheduleKind kind, DdpmVariance variance, ScalarWalk walk)
    {
        DdpmSampler sampler = new() { Steps = 5, Variance = variance, Clipping = SampleClipping.None };
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Create(kind), PredictionType.Velocity);
        using IDiffusionModel model = denoiser.Model;
        using Tensor actual = sampler.Make(denoiser, SamplerCase.Request);
        using Tensor expected = SamplerCase.Expected(walk, [999, 749, 500, 250]);
        actual.MaxDifference(expected).Should().BeLessThan(1e-5);
    }

    [Theory]
    [InlineData(PredictionType.Epsilon, DdpmVariance.FixedSmall, 0.4858563354516148)]
    [InlineData(PredictionType.Epsilon, DdpmVariance.FixedLarge, 0.5030318667409683)]
    [InlineData(PredictionType.Sample, DdpmVariance.FixedSmall, 0.4858563354516148)]
    [InlineData(PredictionType.Velocity, DdpmVariance.FixedSmall, 0.4858563354516148)]
    public void All_steps_give_the_datas_mean_and_the_deviation_that_the_formulas_foretell(
        PredictionType prediction, DdpmVariance variance, double deviation)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Linear(250), prediction);
        using IDiffusionModel model = denoiser.Model;
        DdpmSampler sampler = new() { Variance = variance, Clipping = SampleClipping.None };
        SampleRequest request = new() { Count = 30, Seed = 3, Shape = ImageShape.Square(16) };
        using Tensor images = sampler.Make(denoiser, request);
        (double actualMean, double actualDeviation) = SamplerCase.Moments(images);

        // 23,040 independent numbers: standard errors 0.0033 of the mean and 0.0023 of the deviation; bounds of three of them.
        actualMean.Should().BeApproximately(SamplerCase.Mean, 0.01);
        actualDeviation.Should().BeApproximately(deviation, 0.007);
    }

    [Fact]
    public void Posterior_coefficients_are_those_of_the_schedules_own_betas_when_no_timestep_is_left_out()
    {
        // A network that always answers with a clean image of 0 leaves x to the posterior's coefficient of x_t alone:
        // sqrt(alpha_t) * (1 - alpha-bar_{t-1}) / (1 - alpha-bar_t).
        DiscreteSchedule schedule = NoiseSchedule.Linear(250);
        List<double> sizes = [];
        using ScriptedModel model = new((noisy, _, _) =>
        {
            using Tensor size = noisy.abs().mean();
            sizes.Add(size.item<float>());
            return zeros_like(noisy);
        }) { SampleShape = ImageShape.Square(32) };
        Denoiser denoiser = new(model, schedule, Parameterization.Sample);
        using Tensor images = new DdpmSampler().Make(denoiser, count: 8, seed: 1);

        // Where noise of variance beta-tilde comes to it, x keeps the variance 1 - alpha-bar of pure noise: mean |x| = sigma * sqrt(2 /
        // pi).
        double[] expected = [.. Enumerable.Range(0, 250).Reverse().Select(t => schedule[t].Sigma * Math.Sqrt(2 / Math.PI))];
        sizes.Zip(expected, (a, e) => Math.Abs((a / e) - 1)).Max().Should().BeLessThan(0.02);
    }

    [Fact]
    public void The_last_step_adds_no_noise()
    {
        using ScriptedModel model = new((noisy, _, _) => full_like(noisy, 0.5)) { SampleShape = SamplerCase.Shape };
        Denoiser denoiser = new(model, NoiseSchedule.Cosine(), Parameterization.Sample);
        foreach (DdpmVariance variance in (DdpmVariance[])[DdpmVariance.FixedSmall, DdpmVariance.FixedLarge])
        {
            using Tensor images = new DdpmSampler { Steps = 10, Variance = variance }.Make(denoiser, count: 2);
            using Tensor expected = full_like(images, 0.5);
            images.MaxDifference(expected).Should().BeLessThan(1e-7);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(251)]
    public void A_number_of_steps_outside_the_schedule_is_refused(int steps)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine(250));
        using IDiffusionModel model = denoiser.Model;
        ((Action)(() => new DdpmSampler { Steps = steps }.Make(denoiser, count: 1)))
            .Should().Throw<ArgumentException>().WithMessage($"Steps is {steps}*1..250*");
    }
}
