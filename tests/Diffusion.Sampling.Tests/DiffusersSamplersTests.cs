using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

public sealed class DiffusersSamplersTests
{
    private static readonly DiffusersScheduler Ddpm = new() { Schedule = NoiseSchedule.Linear() };
    private static readonly DiffusersScheduler Ddim = Ddpm with { Kind = DiffusersSchedulerKind.Ddim };

    private static readonly DiffusersScheduler Offset = Ddpm with
    {
        Schedule = NoiseSchedule.ScaledLinear(1000, 0.00085, 0.012),
        ClipSample = false,
        StepsOffset = 1,
        SetAlphaToOne = false,
    };

    public static TheoryData<DiffusersScheduler, int?, ISampler> Samplers { get; } = new()
    {
        { Ddpm, null, new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Leading) } },
        { Ddpm, 20, new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Leading), Steps = 20 } },
        { Ddim, null, new DdimSampler { Grid = new TimestepGrid(TimestepSpacing.Leading) } },
        { Ddim, 20, new DdimSampler { Grid = new TimestepGrid(TimestepSpacing.Leading), Steps = 20 } },
        {
            Ddpm with { VarianceType = DiffusersVariance.FixedLarge }, null,
            new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Leading), Variance = DdpmVariance.FixedLarge }
        },
        { Ddpm with { TimestepSpacing = DiffusersSpacing.Linspace }, null,
            new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Linspace) } },
        { Ddpm with { StepsOffset = 1 }, 50,
            new DdpmSampler { Grid = new TimestepGrid(TimestepSpacing.Leading) { StepsOffset = 1 }, Steps = 50 } },
        { Ddim with { TimestepSpacing = DiffusersSpacing.Trailing, StepsOffset = 1 }, null,
            new DdimSampler { Grid = new TimestepGrid(TimestepSpacing.Trailing) } },
        {
            Ddim with { StepsOffset = 1, SetAlphaToOne = false }, null,
            new DdimSampler { Grid = new TimestepGrid(TimestepSpacing.Leading) { StepsOffset = 1, EndsClean = false } }
        },
        { Ddim with { ClipSample = false }, null,
            new DdimSampler { Grid = new TimestepGrid(TimestepSpacing.Leading), Clipping = SampleClipping.None } },
        { Ddim with { ClipSampleRange = 2 }, null,
            new DdimSampler { Grid = new TimestepGrid(TimestepSpacing.Leading), Clipping = SampleClipping.ClipTo(2) } },
        {
            Ddim with { Thresholding = true, DynamicThresholdingRatio = 0.9, SampleMaxValue = 3 }, null,
            new DdimSampler { Grid = new TimestepGrid(TimestepSpacing.Leading), Clipping = SampleClipping.DynamicThreshold(0.9, 3) }
        },
    };

    [Theory]
    [MemberData(nameof(Samplers))]
    public void Every_setting_of_a_scheduler_is_one_of_its_sampler(DiffusersScheduler scheduler, int? steps, ISampler expected) =>
        scheduler.ToSampler(steps).Should().Be(expected);

    // What one pixel becomes in a Python program written from the formulas of diffusers' schedulers.
    public static TheoryData<DiffusersScheduler, int, int[], ScalarWalk> Walks { get; } = new()
    {
        { Offset with { Kind = DiffusersSchedulerKind.Ddim }, 5, [], new(0.33756743265948047, 0.23376041322897811) },
        { Ddim with { ClipSample = false }, 10, [], new(0.37412849379099433, 0.24846241461645072) },
        { Ddim with { ClipSample = false, SetAlphaToOne = false }, 5, [], new(0.2694271213011598, 0.2473722508753288) },
        { Ddim with { ClipSample = false, TimestepSpacing = DiffusersSpacing.Trailing }, 5, [],
            new(0.2625427428633826, 0.2495830284285943) },
        {
            Offset, 5, [801, 601, 401, 201],
            new(0.049139779478206976, 0.24765146923394263, 0.09313001211361423, 0.1556319602298784, 0.21567466977140723,
                0.04092783952346175)
        },
        {
            Ddpm with { ClipSample = false, VarianceType = DiffusersVariance.FixedLarge }, 5, [800, 600, 400, 200],
            new(0.009717689345789973, 0.24990567328413066, 0.039536325858844125, 0.11987408613700028, 0.33495293696737005,
                0.5859581515826736)
        },
    };

    [Theory]
    [MemberData(nameof(Walks))]
    public void The_images_are_those_of_diffusers_formulas(DiffusersScheduler scheduler, int steps, int[] noisy, ScalarWalk walk)
    {
        Denoiser denoiser = SamplerCase.Oracle(scheduler.Schedule, PredictionType.Velocity);
        using IDiffusionModel model = denoiser.Model;
        using Tensor actual = scheduler.ToSampler(steps).Make(denoiser, SamplerCase.Request);
        using Tensor expected = SamplerCase.Expected(walk, noisy);
        actual.MaxDifference(expected).Should().BeLessThan(1e-5);
    }

    [Fact]
    public void Settings_that_contradict_each_other_are_refused_by_name()
    {
        Action ask = () => (Ddim with { ClipSampleRange = -1, StepsOffset = -1 }).ToSampler();
        ask.Should().Throw<ArgumentException>().WithMessage("*clip_sample_range is -1*steps_offset is -1*");
    }

    [Fact]
    public void An_offset_that_leaves_the_schedule_is_refused_when_sampling()
    {
        Denoiser denoiser = SamplerCase.Oracle(Ddpm.Schedule);
        using IDiffusionModel model = denoiser.Model;
        foreach (ISampler sampler in (ISampler[])[(Ddpm with { StepsOffset = 1 }).ToSampler(), (Ddim with { StepsOffset = 20 })
            .ToSampler(50)])
        {
            ((Action)(() => sampler.Make(denoiser, count: 1))).Should().Throw<ArgumentException>()
                .WithMessage("StepsOffset is *beyond the schedule*");
        }
    }
}
