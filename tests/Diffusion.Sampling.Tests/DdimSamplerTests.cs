using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

public sealed class DdimSamplerTests
{
    public static TheoryData<NoiseScheduleKind, int, TimestepSpacing, int, double, double> Deterministic { get; } = new()
    {
        { NoiseScheduleKind.Cosine, 1000, TimestepSpacing.Trailing, 50, 0.48445002780098523, 0.24999403127029488 },
        { NoiseScheduleKind.Linear, 1000, TimestepSpacing.Trailing, 50, 0.4714026732364478, 0.24925131614273358 },
        { NoiseScheduleKind.Linear, 1000, TimestepSpacing.Leading, 10, 0.37412849379099455, 0.24846241461645074 },
        { NoiseScheduleKind.ScaledLinear, 1000, TimestepSpacing.Linspace, 25, 0.45186161509213457, 0.2422884264019262 },
        { NoiseScheduleKind.Sigmoid, 250, TimestepSpacing.Trailing, 20, 0.4560048485063201, 0.24937161247816855 },
        { NoiseScheduleKind.Cosine, 4000, TimestepSpacing.Trailing, 1, 3.080158751179883e-06, 0.24999999999051262 },
    };

    [Theory]
    [MemberData(nameof(Deterministic))]
    public void Without_eta_it_does_what_equation_12_says(
        NoiseScheduleKind kind, int timesteps, TimestepSpacing spacing, int steps, double first, double offset)
    {
        DdimSampler sampler = new() { Steps = steps, Grid = new TimestepGrid(spacing), Clipping = SampleClipping.None };

        // Velocity is well-conditioned at every level, so that float32 shows no more than its own rounding.
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Create(kind, timesteps), PredictionType.Velocity);
        using IDiffusionModel model = denoiser.Model;
        using Tensor actual = sampler.Make(denoiser, SamplerCase.Request);
        using Tensor expected = SamplerCase.Expected(new ScalarWalk(first, offset), []);
        actual.MaxDifference(expected).Should().BeLessThan(1e-5);
    }

    public static TheoryData<double, ScalarWalk> Stochastic { get; } = new()
    {
        { 0.5, new(0.15905428821753884, 0.24974738926022652, 0.09021229650441086, 0.10135332219978187, 0.10998626173595279,
            0.10957251422155137) },
        { 1.0, new(0.0015882525962707772, 0.2499974775300447, 0.009659628919417736, 0.03929316921418108, 0.10952252654674907,
            0.21914502844310274) },
    };

    [Theory]
    [MemberData(nameof(Stochastic))]
    public void With_eta_it_does_what_equations_12_and_16_say(double eta, ScalarWalk walk)
    {
        DdimSampler sampler = new() { Steps = 5, Eta = eta, Clipping = SampleClipping.None };
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Linear());
        using IDiffusionModel model = denoiser.Model;
        using Tensor actual = sampler.Make(denoiser, SamplerCase.Request);
        using Tensor expected = SamplerCase.Expected(walk, [999, 799, 599, 399]);
        actual.MaxDifference(expected).Should().BeLessThan(2e-5);
    }

    [Fact]
    public void With_clipping_the_noise_is_derived_again_from_the_clipped_image()
    {
        // Bright, broad data, so that many estimates leave [-1, 1].
        const double mean = 0.8;
        const double deviation = 0.9;
        DiscreteSchedule schedule = NoiseSchedule.Linear();
        Denoiser denoiser = GaussianOracle.Create(schedule, PredictionType.Epsilon, mean, deviation, SamplerCase.Shape);
        using IDiffusionModel model = denoiser.Model;
        using Tensor actual = new DdimSampler { Steps = 20 }.Make(denoiser, SamplerCase.Request);
        using Tensor noise = SamplerCase.Expected(new ScalarWalk(1, 0), []);
        double[] expected = Array.ConvertAll(noise.data<double>().ToArray(), Walk);

        actual.data<float>().ToArray().Zip(expected, (a, e) => Math.Abs(a - e)).Max().Should().BeLessThan(2e-5);
        expected.Count(e => e == 1).Should().BeInRange(10, 90, "the case must clip some pixels and leave others");

        // One pixel, in float64 and in the paper's alpha-bar.
        double Walk(double x)
        {
            for (int t = 999; t > 0; t -= 50)
            {
                double alphaBar = Math.Pow(schedule[t].Alpha, 2);
                double next = t >= 50 ? Math.Pow(schedule[t - 50].Alpha, 2) : 1;
                double share = Math.Sqrt(alphaBar) * deviation * deviation / ((alphaBar * deviation * deviation) + 1 - alphaBar);
                double clean = Math.Clamp(mean + (share * (x - (Math.Sqrt(alphaBar) * mean))), -1, 1);
                double epsilon = (x - (Math.Sqrt(alphaBar) * clean)) / Math.Sqrt(1 - alphaBar);
                x = (Math.Sqrt(next) * clean) + (Math.Sqrt(1 - next) * epsilon);
            }

            return x;
        }
    }

    [Theory]
    [InlineData(PredictionType.Epsilon)]
    [InlineData(PredictionType.Sample)]
    [InlineData(PredictionType.Velocity)]
    public void Every_prediction_type_leads_to_the_same_images(PredictionType prediction)
    {
        DdimSampler sampler = new() { Steps = 50, Eta = 0.3, Grid = new TimestepGrid(TimestepSpacing.Leading) };
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine(), prediction);
        Denoiser reference = SamplerCase.Oracle(NoiseSchedule.Cosine(), PredictionType.Velocity);
        using IDiffusionModel model = denoiser.Model;
        using IDiffusionModel referenceModel = reference.Model;
        using Tensor actual = sampler.Make(denoiser, SamplerCase.Request);
        using Tensor expected = sampler.Make(reference, SamplerCase.Request);
        actual.MaxDifference(expected).Should().BeLessThan(2e-5);
    }

    [Fact]
    public void More_steps_come_closer_to_the_data()
    {
        // The flow of the exact ODE takes x_T to mean + deviation * x_T, up to the schedule's last alpha.
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine(), PredictionType.Velocity);
        using IDiffusionModel model = denoiser.Model;
        using Tensor exact = SamplerCase.Expected(new ScalarWalk(SamplerCase.Deviation, SamplerCase.Mean), []);
        double[] errors = [.. ((int[])[5, 10, 20, 50, 100, 250, 1000]).Select(steps =>
        {
            using Tensor images = new DdimSampler { Steps = steps, Clipping = SampleClipping.None }.Make(denoiser, SamplerCase.Request);
            return images.MaxDifference(exact);
        })];
        errors.Should().BeInDescendingOrder();
        errors[^1].Should().BeLessThan(0.005);
        (errors[0] / errors[1]).Should().BeInRange(1.6, 2.4, "a first-order method halves its error with twice the steps");
    }

    [Fact]
    public void Eta_one_over_all_timesteps_is_DDPM_with_the_small_variance_draw_for_draw()
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Linear(250));
        using IDiffusionModel model = denoiser.Model;
        using Tensor ddim = new DdimSampler { Steps = 250, Eta = 1 }.Make(denoiser, SamplerCase.Request);
        using Tensor ddpm = new DdpmSampler().Make(denoiser, SamplerCase.Request);
        ddim.MaxDifference(ddpm).Should().BeLessThan(1e-4);
    }

    [Fact]
    public void It_walks_the_grids_own_neighbors_and_ends_clean()
    {
        List<long> asked = [];
        using ScriptedModel model = new((noisy, labels, _) =>
        {
            asked.Add(labels.data<long>()[0]);
            return zeros_like(noisy);
        }) { SampleShape = SamplerCase.Shape };
        using Tensor images = new DdimSampler { Steps = 7 }.Make(new Denoiser(model, NoiseSchedule.Cosine(), Parameterization.Sample),
            SamplerCase.Request);
        asked.Should().Equal(999, 856, 713, 570, 428, 285, 142);
        images.abs().max().item<float>().Should().Be(0, "the last step leaves the estimate of the clean image alone");
    }

    [Fact]
    public void A_schedule_that_ends_in_pure_noise_serves_networks_that_do_not_predict_noise()
    {
        foreach (PredictionType prediction in (PredictionType[])[PredictionType.Sample, PredictionType.Velocity])
        {
            foreach (double eta in (double[])[0, 1])
            {
                Denoiser denoiser = SamplerCase.Oracle(EndingInPureNoise(), prediction);
                using IDiffusionModel model = denoiser.Model;
                using Tensor images = new DdimSampler { Steps = 100, Eta = eta, Clipping = SampleClipping.None }
                    .Make(denoiser,
                        SamplerCase.Request with { Count =
                            400 }); // 19,200 numbers: their mean is known to 0.0036, their deviation to 0.0026
                (double mean, double deviation) = SamplerCase.Moments(images);
                mean.Should().BeApproximately(SamplerCase.Mean, 0.02);
                deviation.Should().BeApproximately(SamplerCase.Deviation, 0.03);
            }
        }
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void An_eta_outside_its_range_is_refused(double eta)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        ((Action)(() => new DdimSampler { Eta = eta }.Make(denoiser, count: 1))).Should().Throw<ArgumentException>()
            .WithMessage("Eta is*0..1*");
    }

    public static TheoryData<ISampler, string> WrongOptions => new()
    {
        { new DdimSampler { NoiseScale = 0 }, "NoiseScale is 0, but must be a number above 0*" },
        { new HeunSampler { Churn = new Churn { Amount = 1, MinRatio = 2, MaxRatio = 1 } }, "Churn.MinRatio is 2, above MaxRatio, 1*" },
        { new HeunSampler { Churn = new Churn { Amount = 1, MinRatio = double.NaN } }, "Churn.MinRatio is NaN*" },
        { new SaSolver { Tau = _ => -1 }, "*Tau is -1 at sigma / alpha*" },
        { new DpmSolverSinglestep { Order = 3, Inner = InnerLevels.OffGrid, Steps = 0 }, "*Steps is 0, but must be at least 1*" },
        { new DpmSolverAdaptive { MaxRatio = 30, Control = null! }, "*Control is null*" },
        { new DpmSolverAdaptive { MaxRatio = 30, Control = new StepControl(MinFactor: 3) }, "*Control is*MinFactor = 3*(0, 1]*" },
        { new DpmSolverAdaptive { MaxRatio = 30, Control = new StepControl(Integral: double.NaN) }, "*Control is*finite numbers*" },
        { new SaSolver { Tau = _ => double.NaN }, "*Tau is NaN at sigma / alpha*" },
    };

    [Theory]
    [MemberData(nameof(WrongOptions))]
    public void Options_that_would_be_ignored_or_give_no_numbers_are_refused(ISampler sampler, string message)
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        ((Action)(() => sampler.Make(denoiser, count: 1))).Should().Throw<ArgumentException>().WithMessage(message);
    }

    [Fact]
    public void The_noise_scale_multiplies_the_noise_of_a_step()
    {
        Denoiser denoiser = SamplerCase.Oracle(NoiseSchedule.Cosine());
        using IDiffusionModel model = denoiser.Model;
        DdimSampler sampler = new()
        {
            Eta = 1, Grid = ListedGrid.OfTimes(500, 100), Clipping = SampleClipping.None,
        };
        using DisposeScope scope = NewDisposeScope();
        Tensor one = sampler.Make(denoiser, SamplerCase.Request);
        Tensor two = (sampler with { NoiseScale = 2 }).Make(denoiser, SamplerCase.Request);
        Tensor three = (sampler with { NoiseScale = 3 }).Make(denoiser, SamplerCase.Request);
        (two - one).MaxDifference(three - two).Should().BeLessThan(1e-5);
        two.MaxDifference(one).Should().BeGreaterThan(0.01);
    }

    private static DiscreteSchedule EndingInPureNoise() => new(
        [.. Enumerable.Range(1, 1000).Select(t => t == 1000
            ? new NoiseLevel(0, 1, 999)
            : new NoiseLevel(Math.Cos(t / 1000.0 * Math.PI / 2), Math.Sin(t / 1000.0 * Math.PI / 2), t - 1))],
        "zero terminal SNR");
}
