using Diffusion.Sampling.Tests.Traces;

namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>
/// The settings of every recorded run of diffusers: they make the sampler and the grid with which the run is repeated, or are refused by
/// name.
/// </summary>
public sealed class SettingsTraceTests
{
    private static readonly Func<NoiseLevel, double> AnyTau = _ => 1;

    private static readonly int[] NoSteps = [];

    public static TheoryData<string> Runs => TraceFolder.DiffusersRuns;

    [Theory]
    [MemberData(nameof(Runs))]
    public void The_settings_of_a_run_make_its_sampler_and_grid(string name)
    {
        using SamplerTrace trace = TraceFolder.Open(name);
        string text = trace.SchedulerFile();
        if (SchedulerRefusals.Of(new ConfigSettings(text)) is { } reason)
        {
            FluentActions.Invoking(() => DiffusersScheduler.FromJson(text).ToSampler(trace.Steps)).Should().Throw<Exception>().Where(
                e => e is FormatException || e is ArgumentException).Which.Message.Should().ContainAll(reason);
            return;
        }

        DiffusersScheduler scheduler = DiffusersScheduler.FromJson(text);
        DiffusersScheduler.FromJson(scheduler.ToJson()).Should().Be(scheduler);
        StepSampler sampler = (StepSampler)scheduler.ToSampler(trace.Steps);
        if (!trace.HasArguments)
        {
            Bare(sampler).Should().Be(Bare(TraceSamplers.Stepping(trace)));
        }

        bool isGivenLevels = trace.GridArgument("timesteps") is not null || trace.GridArgument("sigmas") is not null
            || trace.GridArgument("strength") is not null;
        if (!isGivenLevels && TraceGrids.Schedule(trace) is { } schedule && TraceGrids.Of(trace, schedule, trace.Steps) is { } recorded)
        {
            CompareGrid(trace, scheduler, sampler.Grid!, recorded.Levels(schedule, trace.Steps));
        }
    }

    // The options that the grid and the clipping do not hold. Functions cannot be compared.
    private static (StepSampler Options, string Uncorrected) Bare(StepSampler sampler)
    {
        StepSampler bare = sampler with { Grid = null, Clipping = SampleClipping.None, Steps = null };
        return bare switch
        {
            SaSolver solver => (solver with { Tau = AnyTau }, ""),
            UniPcSampler solver => (solver with { UncorrectedSteps = NoSteps }, string.Join(' ', solver.UncorrectedSteps)),
            _ => (bare, ""),
        };
    }

    // The noisy levels: where the last step ends differs with fault 9. The grid of rectified flow is that of the derivation.
    private static void CompareGrid(SamplerTrace trace, DiffusersScheduler scheduler, ISamplingGrid grid,
        IReadOnlyList<NoiseLevel> recorded)
    {
        bool endsEarly = trace.Class is "DEISMultistep" or "SASolver" && TraceGrids.Curve(trace) is not null;
        bool hasFault = endsEarly || (TraceFolder.HasFault(trace.Name, "grid") && scheduler.Schedule is not FlowSchedule);
        if (hasFault || scheduler.Schedule is DiscreteSchedule { Betas: null })
        {
            return;
        }

        double[] actual = [.. grid.Levels(scheduler.Schedule, trace.Steps).Take(trace.Steps).Select(level => level.Ratio)];
        double[] expected = [.. recorded.Take(trace.Steps).Select(level => level.Ratio)];
        actual.Should().HaveCountGreaterThanOrEqualTo(trace.Steps - 1);
        actual.Zip(expected).Should().OnlyContain(pair => pair.First == pair.Second
            || Math.Abs(pair.First - pair.Second) <= 1e-9 * pair.Second);
    }
}
