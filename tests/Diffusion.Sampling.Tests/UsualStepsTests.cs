using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

/// <summary>The number of steps where none is chosen.</summary>
public sealed class UsualStepsTests
{
    public static TheoryData<StepSampler> Samplers { get; } =
        [new PredictorCorrectorSampler(), new DdimSampler(), new DpmSolver(), new HeunSampler(), new DdpmSampler()];

    public static TheoryData<ISamplingGrid, int> GridsOfFewSteps { get; } = new()
    {
        { new DistilledGrid(10), 10 },
        { new ShiftedGrid(new DistilledGrid(10), 0.5), 10 },
        { new StrengthGrid(new DistilledGrid(12), 1), 12 },
        { new CurveOverGrid(new KarrasGrid(), new DistilledGrid(10)), 10 },
    };

    public static TheoryData<ISamplingGrid> GridsWithoutInner { get; } =
        [new ShiftedGrid(null!, 2), new StrengthGrid(null!, 1), new ReversedGrid(null!), new CurveOverGrid(new KarrasGrid(), null!)];

    [Theory]
    [MemberData(nameof(Samplers))]
    public void A_schedule_of_few_timesteps_is_sampled_with_all_of_them(StepSampler sampler)
    {
        DiscreteSchedule schedule = new([.. Enumerable.Repeat(0.2, 20)], "short");
        using MixtureDenoiser denoiser = new(schedule);
        List<SamplingProgress> reports = [];
        using Tensor images = sampler.Sample(denoiser, SamplerCase.Request with { Shape = SamplerCase.Shape }, new Collected(reports),
            TestContext.Current.CancellationToken);
        images.isfinite().all().item<bool>().Should().BeTrue();
        reports.Should().HaveCount(20).And.OnlyContain(report => report.StepCount == 20);
    }

    [Fact]
    public void A_scheduler_of_diffusers_lowers_the_order_at_the_end_where_all_timesteps_are_few()
    {
        DiffusersScheduler scheduler = new()
        {
            ClassName = "DPMSolverMultistepScheduler", Schedule = new DiscreteSchedule([.. Enumerable.Repeat(0.3, 12)], "short"),
        };
        ((DpmSolver)scheduler.ToSampler()).OrderAtEnd.Should().Be(OrderAtEnd.Auto);
        ((DpmSolver)(scheduler with { Schedule = NoiseSchedule.Linear() }).ToSampler()).OrderAtEnd.Should().Be(OrderAtEnd.Full);
    }

    [Theory]
    [InlineData("DPMSolverMultistepScheduler", "linspace")]
    [InlineData("DPMSolverMultistepScheduler", "leading")]
    [InlineData("UniPCMultistepScheduler", "linspace")]
    [InlineData("DEISMultistepScheduler", "linspace")]
    public void A_scheduler_of_diffusers_that_leaves_out_timestep_0_takes_all_others_where_they_are_few(string name, string spacing)
    {
        DiscreteSchedule schedule = new([.. Enumerable.Repeat(0.3, 20)], "short");
        DiffusersScheduler scheduler = new DiffusersScheduler { ClassName = name, Schedule = schedule }.With("timestep_spacing", spacing);
        using MixtureDenoiser denoiser = new(schedule);
        List<SamplingProgress> reports = [];
        using Tensor images = scheduler.ToSampler().Sample(denoiser, SamplerCase.Request with { Shape = SamplerCase.Shape },
            new Collected(reports), TestContext.Current.CancellationToken);
        reports.Should().HaveCount(19).And.OnlyContain(report => report.StepCount == 19);
    }

    [Fact]
    public void An_offset_leaves_room_for_itself_where_timesteps_are_few()
    {
        DiscreteSchedule schedule = new([.. Enumerable.Repeat(0.3, 20)], "short");
        using MixtureDenoiser denoiser = new(schedule);
        List<SamplingProgress> reports = [];
        DdimSampler sampler = new() { Grid = new TimestepGrid(TimestepSpacing.Leading) { StepsOffset = 1 } };
        using Tensor images = sampler.Sample(denoiser, SamplerCase.Request with { Shape = SamplerCase.Shape }, new Collected(reports),
            TestContext.Current.CancellationToken);
        reports.Should().HaveCount(19);
    }

    [Theory]
    [MemberData(nameof(GridsOfFewSteps))]
    public void A_grid_of_few_steps_is_taken_whole(ISamplingGrid grid, int steps)
    {
        grid.MaxSteps(NoiseSchedule.Linear()).Should().Be(steps);
        using MixtureDenoiser denoiser = new(NoiseSchedule.Linear());
        List<SamplingProgress> reports = [];
        using Tensor images = new DdimSampler { Grid = grid }.Sample(denoiser, SamplerCase.Request with { Shape = SamplerCase.Shape },
            new Collected(reports), TestContext.Current.CancellationToken);
        reports.Should().HaveCount(steps);
    }

    [Theory]
    [MemberData(nameof(GridsWithoutInner))]
    public void A_grid_over_no_grid_is_refused_whatever_the_number_of_steps(ISamplingGrid grid)
    {
        using MixtureDenoiser denoiser = new(NoiseSchedule.Linear());
        FluentActions.Invoking(() => new DdimSampler { Grid = grid }.Make(denoiser.Source, 1)).Should().Throw<ArgumentException>()
            .WithMessage("*is null*");
    }

    [Fact]
    public void Adaptive_steps_end_with_one_of_order_1_to_the_clean_image()
    {
        DiscreteSchedule schedule = NoiseSchedule.ScaledLinear();
        using MixtureDenoiser denoiser = new(schedule);
        List<double> asked = [];
        Tensor? last = null;
        ObservedDenoiser observed = new(denoiser, (level, clean) =>
        {
            asked.Add(level.Ratio);
            last?.Dispose();
            last = clean.clone().DetachFromDisposeScope();
        });
        List<SamplingProgress> reports = [];
        DpmSolverAdaptive sampler = new() { Clipping = SampleClipping.None };
        using Tensor images = sampler.Sample(observed, SamplerCase.Request with { Shape = SamplerCase.Shape }, new Collected(reports),
            TestContext.Current.CancellationToken);

        images.SameBits(last!).Should().BeTrue("a step of order 1 to the clean image is the estimate of it");
        last!.Dispose();
        asked[^1].Should().BeApproximately(schedule[0].Ratio, 1e-9);
        asked.SkipLast(1).Should().OnlyContain(ratio => ratio > schedule[0].Ratio * 1.000001);
        reports.Select(report => report.Fraction).Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
        reports[^1].Should().Match<SamplingProgress>(end => end.Fraction == 1 && end.Step == end.StepCount && end.ImagesDone == 2);
        reports.SkipLast(1).Should().OnlyContain(report => report.ImagesDone == 0);
    }

    private sealed class Collected(List<SamplingProgress> reports) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => reports.Add(value);
    }
}
