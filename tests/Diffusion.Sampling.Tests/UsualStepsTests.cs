using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests;

/// <summary>The number of steps where none is chosen.</summary>
public sealed class UsualStepsTests
{
    public static TheoryData<StepSampler> Samplers { get; } =
        [new PredictorCorrectorSampler(), new DdimSampler(), new DpmSolver(), new HeunSampler(), new DdpmSampler()];

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
