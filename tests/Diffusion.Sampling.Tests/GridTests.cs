namespace Diffusion.Sampling.Tests;

public sealed class GridTests
{
    private static readonly DiscreteSchedule Schedule = NoiseSchedule.ScaledLinear();

    private static readonly FlowSchedule Flow = new();

    public static TheoryData<ISamplingGrid> Grids { get; } =
    [
        new TimestepGrid(), new TimestepGrid(TimestepSpacing.Leading), new TimestepGrid(TimestepSpacing.Linspace),
        new TimestepGrid(TimestepSpacing.Linspace) { IsRounded = false }, new TimestepGrid(TimestepSpacing.Leading) { ExcludesZero = true },
        new KarrasGrid(), new ExponentialGrid(), new ExponentialGrid(2), new BetaGrid(), new TimeGrid(), new VarianceGrid(),
        new ShiftedGrid(new TimestepGrid(), 3), new DistilledGrid(1000),
    ];

    [Theory]
    [MemberData(nameof(Grids))]
    public void Every_number_of_steps_up_to_the_schedules_gives_distinct_levels_that_end_clean(ISamplingGrid grid)
    {
        double max = (grid is ShiftedGrid or VarianceGrid ? 4 : 1) * Schedule[999].Ratio * 40;
        double highest = grid is ShiftedGrid or VarianceGrid ? max : Schedule[999].Ratio * (1 + 1e-9);
        for (int steps = 1; steps <= 1000; steps += steps < 200 ? 1 : 37)
        {
            grid.Problems(Schedule, steps).Should().BeEmpty("of {0} steps", steps);
            IReadOnlyList<NoiseLevel> levels = grid.Levels(Schedule, steps);
            levels.Count.Should().Be(steps + 1);
            levels.Zip(levels.Skip(1)).All(pair => pair.First.Ratio > pair.Second.Ratio).Should().BeTrue("of {0} steps", steps);
            levels[^1].Should().Be(NoiseLevel.Clean);
            levels[0].Ratio.Should().BeLessThanOrEqualTo(highest);
            levels.SkipLast(1).All(level => level.Time is >= 0 and <= 999).Should().BeTrue();
        }
    }

    [Fact]
    public void A_shift_multiplies_the_ratio_and_keeps_pure_noise()
    {
        IReadOnlyList<NoiseLevel> plain = new TimeGrid().Levels(Flow, 4);
        IReadOnlyList<NoiseLevel> shifted = new ShiftedGrid(new TimeGrid(), 3).Levels(Flow, 4);
        shifted[0].Should().Be(plain[0]);
        shifted.Select(level => level.Sigma).Zip([1, 0.9, 0.75, 0.5, 0])
            .Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-12);
    }

    [Fact]
    public void A_terminal_stretches_the_levels_to_its_fraction()
    {
        IReadOnlyList<NoiseLevel> levels = new ShiftedGrid(new TimeGrid(), 3) { Terminal = 0.1 }.Levels(Flow, 4);

        // 1 - (1 - s) * (1 - 0.1) / (1 - 0.5)
        levels.Select(level => level.Sigma).Zip([1, 0.82, 0.55, 0.1, 0])
            .Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-12);
    }

    [Fact]
    public void A_dynamic_shift_is_linear_in_the_tokens()
    {
        ShiftedGrid.ForTokens(new TimeGrid(), 256).Shift.Should().BeApproximately(Math.Exp(0.5), 1e-12);
        ShiftedGrid.ForTokens(new TimeGrid(), 4096).Shift.Should().BeApproximately(Math.Exp(1.15), 1e-12);
        ShiftedGrid.ForTokens(new TimeGrid(), 2176).Shift.Should().BeApproximately(Math.Exp(0.825), 1e-12);
    }

    [Fact]
    public void A_curve_that_does_not_end_clean_has_one_more_point()
    {
        IReadOnlyList<NoiseLevel> levels = new ExponentialGrid { MinRatio = 1, MaxRatio = 16, EndsClean = false }.Levels(Schedule, 4);
        levels.Select(level => level.Ratio).Zip([16.0, 8, 4, 2, 1])
            .Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-12);
    }

    [Fact]
    public void Own_levels_are_taken_as_they_are()
    {
        ListedGrid times = ListedGrid.OfTimes(999, 500.5, 20);
        times.Steps.Should().Be(3);
        times.Levels(Schedule, 3).Select(level => level.Time).Should().Equal(999, 500.5, 20, -1);
        ListedGrid ratios = ListedGrid.OfRatios(12, 3, 0.5);
        ratios.Steps.Should().Be(2);
        ratios.Levels(Schedule, 2).Select(level => level.Ratio).Zip([12, 3, 0.5])
            .Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-12);
        ratios.Should().Be(ListedGrid.OfRatios(12, 3, 0.5));
    }

    [Fact]
    public void A_sampler_takes_the_steps_of_a_list()
    {
        Denoiser denoiser = SamplerCase.Oracle(Schedule);
        using IDiffusionModel model = denoiser.Model;
        List<int> steps = [];
        DirectProgress progress = new(report => steps.Add(report.StepCount));
        using TorchSharp.torch.Tensor images = new DdimSampler { Grid = ListedGrid.OfTimes(999, 500, 20) }
            .Make(denoiser, SamplerCase.Request, progress);
        steps.Should().Equal(3, 3, 3);
    }

    [Fact]
    public void A_reversed_grid_starts_at_the_least_noise()
    {
        IReadOnlyList<NoiseLevel> levels = new ReversedGrid(new TimestepGrid()).Levels(Schedule, 4);
        levels.Select(level => level.Time).Should().Equal(0, 249, 499, 749, 999);
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_cannot_work_is_refused_by_name(ISamplingGrid grid, INoiseSchedule schedule, int steps, string message) =>
        grid.Problems(schedule, steps).Should().ContainMatch(message);

    public static TheoryData<ISamplingGrid, INoiseSchedule, int, string> Refusals => new()
    {
        { new KarrasGrid(0.5), Schedule, 10, "Rho is 0.5*Use 7." },
        { new KarrasGrid(), Flow, 10, "*goes from sigma / alpha*Set MinRatio and MaxRatio." },
        { new KarrasGrid(), Schedule, 0, "Steps is 0*" },
        { new ExponentialGrid(0), Schedule, 10, "Power is 0*" },
        { new BetaGrid(-1), Schedule, 10, "A is -1*" },
        { new TimestepGrid(), Flow, 10, "*has none. Use a KarrasGrid or a TimeGrid." },
        { new TimestepGrid { ExcludesZero = true }, Schedule, 10, "ExcludesZero*" },
        { new TimestepGrid(TimestepSpacing.Leading) { ExcludesZero = true }, Schedule, 1000, "Steps is 1000*1..999*" },
        { new TimeGrid { EndTime = 2 }, Flow, 10, "*goes from time 1 to 2*" },
        { new TimeGrid { IncludesEndTime = true }, Flow, 10, "EndTime is 0, which is the clean image*" },
        { new ShiftedGrid(new TimeGrid(), 0), Flow, 10, "Shift is 0*" },
        { new ShiftedGrid(new TimeGrid(), 1) { Terminal = 1 }, Flow, 10, "Terminal is 1*" },
        { new StrengthGrid(new TimeGrid(), 0), Flow, 10, "Strength is 0*" },
        { new ReversedGrid(new TimestepGrid(TimestepSpacing.Leading)), Schedule, 10, "*stands for the clean image*" },
        { new DistilledGrid(50), Schedule, 51, "Steps is 51*1..50*" },
        { new VarianceGrid { LastTime = 1 }, Schedule, 10, "LastTime is 1*" },
        { ListedGrid.OfTimes(999, 999), Schedule, 2, "*lists 999 after 999*" },
        { ListedGrid.OfTimes(1200, 3), Schedule, 2, "*from 1200 to 3*" },
        { ListedGrid.OfRatios(3), Schedule, 0, "*at least one step*" },
        { ListedGrid.OfRatios(3, 1), Schedule, 5, "Steps is 5, but the grid lists 1*" },
    };

    private sealed class DirectProgress(Action<SamplingProgress> report) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => report(value);
    }
}
