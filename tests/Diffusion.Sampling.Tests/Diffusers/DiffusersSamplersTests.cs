using Diffusion.Sampling.Tests.Traces;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Diffusers;

public sealed class DiffusersSamplersTests
{
    private static readonly DiffusersScheduler Ddpm = new() { Schedule = NoiseSchedule.Linear() };
    private static readonly DiffusersScheduler Ddim = Ddpm with { ClassName = "DDIMScheduler" };

    private static readonly DiffusersScheduler Offset =
        (Ddpm with { Schedule = NoiseSchedule.ScaledLinear(1000, 0.00085, 0.012) }).With("clip_sample", false).With("steps_offset", 1);

    private static readonly DdimSampler LeadingDdim =
        new() { Grid = new TimestepGrid(TimestepSpacing.Leading), Clipping = SampleClipping.Clip with { KeepsNoise = true } };

    public static TheoryData<DiffusersScheduler, int?, ISampler> Samplers { get; } = new()
    {
        { Ddpm, null, new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Leading) } },
        { Ddpm, 20, new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Leading), Steps = 20 } },
        { Ddim, null, LeadingDdim },
        { Ddim, 20, LeadingDdim with { Steps = 20 } },
        {
            Ddpm.With("variance_type", "fixed_large"), null,
            new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Leading), Variance = DdpmVariance.FixedLarge }
        },
        { Ddpm.With("timestep_spacing", "linspace"), null,
            new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Linspace) } },
        { Ddpm.With("steps_offset", 1), 50,
            new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Leading) { StepsOffset = 1 }, Steps = 50 } },
        { Ddim.With("timestep_spacing", "trailing").With("steps_offset", 1), null,
            LeadingDdim with { Grid = new TimestepGrid(TimestepSpacing.Trailing) } },
        {
            Ddim.With("steps_offset", 1).With("set_alpha_to_one", false), null,
            LeadingDdim with
            {
                Grid = new TimestepGrid(TimestepSpacing.Leading) { StepsOffset = 1, EndsClean = false, KeepsStepAtZero = true },
            }
        },
        { Ddim.With("clip_sample", false), null,
            LeadingDdim with { Clipping = SampleClipping.None } },
        { Ddim.With("clip_sample_range", 2), null,
            LeadingDdim with { Clipping = SampleClipping.ClipTo(2) with { KeepsNoise = true } } },
        {
            Ddim.With("thresholding", true).With("dynamic_thresholding_ratio", 0.9).With("sample_max_value", 3), null,
            LeadingDdim with { Clipping = SampleClipping.DynamicThreshold(0.9, 3) with { KeepsNoise = true } }
        },
    };

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Every_setting_of_a_scheduler_is_one_of_its_sampler(DiffusersScheduler scheduler, int? steps, ISampler expected) =>
        scheduler.ToSampler(steps).Should().Be(expected);

    // What one pixel becomes in a Python program written from the formulas of diffusers' schedulers.
    public static TheoryData<DiffusersScheduler, int, int[], ScalarWalk> Walks { get; } = new()
    {
        { (Offset with { ClassName = "DDIMScheduler" }).With("set_alpha_to_one", false), 5, [],
            new(0.33756743265948047, 0.23376041322897811) },
        { Ddim.With("clip_sample", false), 10, [], new(0.37412849379099433, 0.24846241461645072) },
        { Ddim.With("clip_sample", false).With("set_alpha_to_one", false), 5, [], new(0.2694271213011598, 0.2473722508753288) },
        { Ddim.With("clip_sample", false).With("timestep_spacing", "trailing"), 5, [],
            new(0.2625427428633826, 0.2495830284285943) },
        {
            Offset, 5, [801, 601, 401, 201],
            new(0.049139779478206976, 0.24765146923394263, 0.09313001211361423, 0.1556319602298784, 0.21567466977140723,
                0.04092783952346175)
        },
        {
            Ddpm.With("clip_sample", false).With("variance_type", "fixed_large"), 5, [800, 600, 400, 200],
            new(0.009717689345789973, 0.24990567328413066, 0.039536325858844125, 0.11987408613700028, 0.33495293696737005,
                0.5859581515826736)
        },
    };

    [Theory]
    [MemberData(nameof(Walks))]
    public void The_images_are_those_of_diffusers_formulas(DiffusersScheduler scheduler, int steps, int[] noisy, ScalarWalk walk)
    {
        Denoiser denoiser = SamplerCase.Oracle((DiscreteSchedule)scheduler.Schedule, PredictionType.Velocity);
        using IDiffusionModel model = denoiser.Model;
        using Tensor actual = scheduler.ToSampler(steps).Make(denoiser, SamplerCase.Request);
        using Tensor expected = SamplerCase.Expected(walk, noisy);
        actual.MaxDifference(expected).Should().BeLessThan(1e-5);
    }

    public static TheoryData<DiffusersScheduler, string> Refused { get; } = new()
    {
        { Ddpm with { ClassName = "VQDiffusionScheduler" }, "discrete tokens" },
        { Ddpm with { Schedule = new FlowSchedule() }, "must be a DiscreteSchedule" },
        { Of("EulerDiscreteScheduler").With("interpolation_type", "log_linear"), "interpolation_type is log_linear: " },
        { Of("EulerDiscreteScheduler").With("timestep_type", "continuous"), "timestep_type is continuous: " },
        { Of("EulerDiscreteScheduler").With("use_karras_sigmas", true).With("use_beta_sigmas", true),
            "use_beta_sigmas is true: use_karras_sigmas is true as well" },
        { Of("DPMSolverMultistepScheduler").With("lambda_min_clipped", -5.1), "lambda_min_clipped is -5.1: " },
        { Of("DPMSolverMultistepInverseScheduler").With("algorithm_type", "sde-dpmsolver++"), "algorithm_type is sde-dpmsolver++: " },
        { Of("DPMSolverSDEScheduler").With("noise_sampler_seed", 7), "noise_sampler_seed is 7: " },
        { Of("UniPCMultistepScheduler").With("solver_p", "other"), "solver_p is other: " },
        { Of("SASolverScheduler").With("tau_func", "other"), "tau_func is other: " },
        { Of("LCMScheduler").With("timestep_scaling", 1), "timestep_scaling is 1: " },
        { Of("CMStochasticIterativeScheduler").With("s_noise", 1.01), "s_noise is 1.01: " },
        { Flow("FlowMatchEulerDiscreteScheduler").With("use_dynamic_shifting", true), "Pass tokens" },
        { Flow("FlowMatchEulerDiscreteScheduler").With("invert_sigmas", true), "invert_sigmas is true: " },
        { Flow("FlowMatchLCMScheduler").With("scale_factors", new double[] { 1, 2 }), "scale_factors is " },
        { Flow("UniPCMultistepScheduler").With("use_karras_sigmas", true), "use_karras_sigmas is true: " },
        { Flow("DPMSolverMultistepScheduler").With("final_sigmas_type", "sigma_min"), "final_sigmas_type is sigma_min: " },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_no_sampler_honors_is_refused_by_name(DiffusersScheduler scheduler, string expected)
    {
        Action ask = () => scheduler.ToSampler();
        ask.Should().Throw<ArgumentException>().WithMessage($"There is no sampler for this scheduler: *{expected}*");
    }

    [Fact]
    public void Every_class_that_can_be_read_has_a_sampler()
    {
        DiffusersScheduler.SupportedClasses.Should().HaveCountGreaterThan(20);
        foreach (string name in DiffusersScheduler.SupportedClasses)
        {
            Of(name).ToSampler(8).Should().NotBeNull();
        }
    }

    [Theory]
    [InlineData("fixed_small")]
    [InlineData("fixed_large")]
    [InlineData("learned_range")]
    public void A_file_of_DDPM_samples_with_every_solver_of_the_DPM_family_and_back(string variance)
    {
        DiffusersScheduler ddpm = DiffusersScheduler.FromJson(
            $$"""{"_class_name": "DDPMScheduler", "variance_type": "{{variance}}"}""");
        foreach (string name in (string[])["DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "SASolverScheduler"])
        {
            DiffusersScheduler other = ddpm with { ClassName = name };
            other.Problems().Should().BeEmpty();
            other.ToSampler(10).Should().NotBeNull();
            other.ToJson().Should().Contain($"\"variance_type\": \"{variance}\"");
            DiffusersScheduler back = DiffusersScheduler.FromJson(other.ToJson()) with { ClassName = "DDPMScheduler" };
            ((DdpmSampler)back.ToSampler(10)).Variance.Should().Be(((DdpmSampler)ddpm.ToSampler(10)).Variance);
        }

        // A file of such a solver says null, which diffusers' DDPM takes as its small variance.
        DiffusersScheduler dpm = DiffusersScheduler.FromJson("""{"_class_name": "DPMSolverMultistepScheduler", "variance_type": null}""");
        ((DdpmSampler)(dpm with { ClassName = "DDPMScheduler" }).ToSampler(10)).Variance.Should().Be(DdpmVariance.FixedSmall);
    }

    [Fact]
    public void The_step_of_DDIM_from_timestep_0_to_its_own_level_clips_the_image_once_more()
    {
        DiffusersScheduler scheduler = Ddim.With("set_alpha_to_one", false);
        StepSampler sampler = (StepSampler)scheduler.ToSampler(2);
        NoiseLevel[] levels = [.. sampler.Grid!.Levels(scheduler.Schedule, 2)];
        levels.Select(level => level.Time).Should().Equal(500, 0, 0);
        NoiseLevel end = levels[^1];
        using DisposeScope scope = NewDisposeScope();
        using ScriptedModel network = new((noisy, _, _) => full_like(noisy, 0.5));
        Tensor noisy = tensor(new[] { -3.0, 0.2, 1.5, 2 }).reshape(1, 1, 2, 2);

        Tensor after = StepByStep.Run(sampler, new Denoiser(network, scheduler.Schedule), levels[1..], noisy, new RecordedNoise(null))[^1];

        // diffusers: alpha-bar[0]^0.5 * clamp(x0) + (1 - alpha-bar[0])^0.5 * epsilon.
        double[] expected = [.. ((double[])[-3, 0.2, 1.5, 2]).Select(x =>
            (end.Alpha * Math.Clamp((x - (end.Sigma * 0.5)) / end.Alpha, -1, 1)) + (end.Sigma * 0.5))];
        after.data<double>().ToArray().Zip(expected, (a, e) => Math.Abs(a - e)).Max().Should().BeLessThan(1e-12);
        sampler = (StepSampler)scheduler.With("clip_sample", false).ToSampler(2);
        sampler.Grid!.Levels(scheduler.Schedule, 2).Select(level => level.Time).Should().Equal([500, 0], "without clipping nothing moves");
    }

    [Theory]
    [InlineData("HeunDiscreteScheduler")]
    [InlineData("KDPM2DiscreteScheduler")]
    [InlineData("KDPM2AncestralDiscreteScheduler")]
    [InlineData("PNDMScheduler")]
    public void Samplers_of_diffusers_take_the_step_from_nearly_pure_noise_as_diffusers_does(string name)
    {
        DiffusersScheduler scheduler = new() { ClassName = name, Schedule = NoiseSchedule.Cosine() };
        scheduler = scheduler.With("timestep_spacing", "trailing");
        StepSampler sampler = (StepSampler)scheduler.ToSampler(5);
        NoiseLevel[] levels = [.. sampler.Grid!.Levels(scheduler.Schedule, 5)];
        (levels[0].Alpha / levels[0].Sigma).Should().BeLessThan(1e-3, "the cosine schedule begins there");

        Calls(sampler, levels).Should().Be(name == "PNDMScheduler" ? 14 : 9, "only the step to the clean image takes one call");
        StepSampler own = sampler switch
        {
            HeunSampler heun => heun with { FirstOrderFromNoise = true },
            Dpm2Sampler dpm2 => dpm2 with { FirstOrderFromNoise = true },
            _ => (PndmSampler)sampler with { FirstOrderFromNoise = true },
        };
        Calls(own, levels).Should().Be(name == "PNDMScheduler" ? 11 : 8, "the first step is of order 1");
    }

    [Fact]
    public void An_Euler_file_with_zero_terminal_SNR_begins_a_curve_at_its_first_timestep_or_at_the_sigma_of_pure_noise()
    {
        DiffusersScheduler euler = new()
        {
            ClassName = "EulerDiscreteScheduler", Schedule = NoiseSchedule.ScaledLinear().WithZeroTerminalSnr(),
            Prediction = PredictionType.Velocity,
        };
        euler = euler.With("use_karras_sigmas", true);
        NoiseLevel leading = First(euler.With("timestep_spacing", "leading"));
        leading.Ratio.Should().BeApproximately(euler.Schedule.At(900).Ratio, 1e-9);
        NoiseLevel trailing = First(euler.With("timestep_spacing", "trailing"));
        trailing.Ratio.Should().BeApproximately(Math.Sqrt(Math.Pow(2, 24) - 1), 1e-8);
        trailing.Label.Should().Be(999);
        First(euler with { ClassName = "DPMSolverMultistepScheduler" }).Should().Be(trailing, "its curves go over the whole schedule");

        static NoiseLevel First(DiffusersScheduler scheduler) =>
            ((StepSampler)scheduler.ToSampler(10)).Grid!.Levels(scheduler.Schedule, 10)[0];
    }

    [Fact]
    public void An_Euler_file_whose_curve_ends_at_the_least_sigma_goes_there_after_the_curve()
    {
        DiffusersScheduler euler = new() { ClassName = "EulerDiscreteScheduler", Schedule = NoiseSchedule.ScaledLinear() };
        euler = euler.With("use_exponential_sigmas", true).With("final_sigmas_type", "sigma_min").With("timestep_spacing", "trailing");
        double[] ratios = [.. ((StepSampler)euler.ToSampler(4)).Grid!.Levels(euler.Schedule, 4).Select(level => level.Ratio)];
        (double first, double last) = (euler.Schedule.At(999).Ratio, euler.Schedule.At(249).Ratio);
        double[] expected =
        [
            .. Enumerable.Range(0, 4).Select(i => first * Math.Pow(last / first, i / 3.0)), euler.Schedule.At(0).Ratio,
        ];
        ratios.Should().HaveCount(5);
        ratios.Zip(expected).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) <= 1e-10 * pair.Second);
    }

    [Fact]
    public void An_offset_that_leaves_the_schedule_is_refused_when_sampling()
    {
        Denoiser denoiser = SamplerCase.Oracle((DiscreteSchedule)Ddpm.Schedule);
        using IDiffusionModel model = denoiser.Model;
        ISampler[] samplers = [Ddpm.With("steps_offset", 1).ToSampler(1000), Ddim.With("steps_offset", 20).ToSampler(50)];
        foreach (ISampler sampler in samplers)
        {
            ((Action)(() => sampler.Make(denoiser, count: 1))).Should().Throw<ArgumentException>()
                .WithMessage("StepsOffset is *beyond the schedule*");
        }
    }

    private static int Calls(StepSampler sampler, NoiseLevel[] levels)
    {
        using DisposeScope scope = NewDisposeScope();
        using MixtureDenoiser denoiser = new(NoiseSchedule.Cosine());
        StepByStep.Run(sampler, denoiser, levels, ones([1, 1, 2, 2], ScalarType.Float64), new KeyedNoise([1, 1, 2, 2]));
        return denoiser.Calls;
    }

    private static DiffusersScheduler Of(string name) => DiffusersScheduler.FromJson($"{{\"_class_name\": \"{name}\"}}");

    private static DiffusersScheduler Flow(string name) =>
        new() { ClassName = name, Schedule = new FlowSchedule(), Prediction = PredictionType.Flow };
}
