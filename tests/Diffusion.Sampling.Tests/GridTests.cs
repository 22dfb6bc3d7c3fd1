namespace Diffusion.Sampling.Tests;

public sealed class GridTests
{
    private static readonly DiscreteSchedule Schedule = NoiseSchedule.ScaledLinear();

    private static readonly FlowSchedule Flow = new();

    public static TheoryData<ISamplingGrid> Grids { get; } =
    [
        new TimestepGrid(), new TimestepGrid(TimestepSpacing.Leading), new TimestepGrid(TimestepSpacing.Linspace),
        new TimestepGrid(TimestepSpacing.Linspace) { IsRounded = false }, new TimestepGrid(TimestepSpacing.Leading) { ExcludesZero = true },
        new KarrasGrid(), new ExponentialGrid(), new ExponentialGrid(2), new BetaGrid(), new TimeGrid(),
        new VarianceGrid(BetaRange: 8.5, BetaMin: 1), new ShiftedGrid(new KarrasGrid { MaxRatio = 4 }, 3), new DistilledGrid(1000),
    ];

    [Theory]
    [MemberData(nameof(Grids))]
    public void Every_number_of_steps_up_to_the_schedules_gives_distinct_levels_that_end_clean(ISamplingGrid grid)
    {
        for (int steps = 1; steps <= 1000; steps += steps < 200 ? 1 : 37)
        {
            grid.Problems(Schedule, steps).Should().BeEmpty("of {0} steps", steps);
            IReadOnlyList<NoiseLevel> levels = grid.Levels(Schedule, steps);
            levels.Count.Should().Be(steps + 1);
            levels.Zip(levels.Skip(1)).All(pair => pair.First.Ratio > pair.Second.Ratio).Should().BeTrue("of {0} steps", steps);
            levels[^1].Should().Be(NoiseLevel.Clean);
            levels[0].Ratio.Should().BeLessThanOrEqualTo(Schedule[999].Ratio * (1 + 1e-9));
            levels[^2].Ratio.Should().BeGreaterThanOrEqualTo(Schedule[0].Ratio * (1 - 1e-9));
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

    [Theory]
    [InlineData(1, 1.0)]
    [InlineData(0.75, 0.9)]
    public void A_single_noisy_level_stays_where_sampling_starts_whatever_the_terminal(double start, double sigma)
    {
        ShiftedGrid grid = new(new TimeGrid { StartTime = start }, 3) { Terminal = 0.1 };
        grid.Problems(Flow, 1).Should().BeEmpty();
        IReadOnlyList<NoiseLevel> levels = grid.Levels(Flow, 1);
        levels.Should().HaveCount(2);
        levels[0].Sigma.Should().BeApproximately(sigma, 1e-12, "that is 3 t / (1 + 2 t)");
        levels[1].Should().Be(NoiseLevel.Clean);
    }

    [Fact]
    public void A_strength_of_0_takes_no_step_and_a_strength_of_1_all_from_noise_alone()
    {
        StrengthGrid none = new(new TimestepGrid(), 0);
        none.Problems(Schedule, 10).Should().BeEmpty();
        none.Levels(Schedule, 10).Should().Equal(NoiseLevel.Clean);
        StrengthGrid all = new(new TimestepGrid(), 1);
        all.Levels(Schedule, 10).Should().Equal(new TimestepGrid().Levels(Schedule, 10));
        ((ISamplingGrid[])[all, new ShiftedGrid(all, 2), new CurveOverGrid(new KarrasGrid(), all), new DistilledGrid()]).Should()
            .OnlyContain(grid => grid.StartsFromNoise);
        ISamplingGrid part = new StrengthGrid(new TimestepGrid(), 0.99);
        ((ISamplingGrid[])[part, none, new ShiftedGrid(part, 2), new ReversedGrid(all), new TimestepGrid()]).Should()
            .OnlyContain(grid => !grid.StartsFromNoise);
    }

    // Karras' formula between the sigmas of the first and the last timestep that a step starts from, then that of timestep 0.
    [Theory]
    [InlineData(TimestepSpacing.Trailing, 0, 199)]
    [InlineData(TimestepSpacing.Leading, 7, 7)]
    public void A_curve_over_timesteps_ends_at_timestep_0_where_they_do(TimestepSpacing spacing, int offset, int last)
    {
        TimestepGrid timesteps = new(spacing) { StepsOffset = offset, EndsClean = false };
        CurveOverGrid grid = new(new KarrasGrid { EndsClean = false }, timesteps);
        grid.Problems(Schedule, 5).Should().BeEmpty();
        NoiseLevel first = timesteps.Levels(Schedule, 5)[0];
        (double from, double to) = (Math.Pow(first.Ratio, 1 / 7.0), Math.Pow(Schedule[last].Ratio, 1 / 7.0));
        double[] expected =
        [
            .. Enumerable.Range(0, 5).Select(i => Math.Pow(from + (i / 4.0 * (to - from)), 7)), Schedule[0].Ratio,
        ];
        double[] ratios = [.. grid.Levels(Schedule, 5).Select(level => level.Ratio)];
        ratios.Should().HaveCount(6);
        ratios.Zip(expected).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) <= 1e-10 * pair.Second);
    }

    [Theory]
    [InlineData(TimestepSpacing.Leading)]
    [InlineData(TimestepSpacing.Linspace)]
    public void A_curve_that_ends_where_its_timesteps_end_has_one_more_point_in_place_of_a_level_twice(TimestepSpacing spacing)
    {
        TimestepGrid timesteps = new(spacing) { EndsClean = false };
        double[] ratios = [.. new CurveOverGrid(new ExponentialGrid { EndsClean = false }, timesteps).Levels(Schedule, 5)
            .Select(level => level.Ratio)];
        (double first, double last) = (timesteps.Levels(Schedule, 5)[0].Ratio, Schedule[0].Ratio);
        ratios.Should().HaveCount(6);
        ratios.Zip(Enumerable.Range(0, 6).Select(i => first * Math.Pow(last / first, i / 5.0))).Should()
            .OnlyContain(pair => Math.Abs(pair.First - pair.Second) <= 1e-10 * pair.Second);
    }

    [Fact]
    public void A_curve_that_would_begin_in_pure_noise_begins_at_a_number_that_stands_for_it_with_the_label_of_pure_noise()
    {
        DiscreteSchedule schedule = Schedule.WithZeroTerminalSnr();
        NoiseLevel first = new KarrasGrid { PureNoiseRatio = 4096 }.Levels(schedule, 5)[0];
        first.Ratio.Should().BeApproximately(4096, 1e-8);
        first.Time.Should().Be(999);
        first.Label.Should().Be(999);

        // A grid that begins below pure noise needs no such number: leading timesteps of 5 steps begin at 800.
        KarrasGrid curve = new() { PureNoiseRatio = 4096 };
        NoiseLevel leading = new CurveOverGrid(curve, new TimestepGrid(TimestepSpacing.Leading)).Levels(schedule, 5)[0];
        leading.Ratio.Should().BeApproximately(schedule[800].Ratio, 1e-9);
        leading.Label.Should().BeApproximately(800, 1e-6);
        NoiseLevel trailing = new CurveOverGrid(curve, new TimestepGrid()).Levels(schedule, 5)[0];
        trailing.Label.Should().Be(999);
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
        { new ShiftedGrid(new TimestepGrid(), 3), Schedule, 10, "*from sigma / alpha 43.* goes from 14.*Use a Shift of 1*" },
        { new ShiftedGrid(new KarrasGrid(), 0.5), Schedule, 10, "*to 0.014*, but*to 0.029*" },
        { new VarianceGrid(), Schedule, 10, "*from sigma / alpha 152.*but*14.*Use the betas*" },
        { new StrengthGrid(new TimeGrid(), -0.1), Flow, 10, "Strength is -0.1*[0, 1]*" },
        { new StrengthGrid(new TimeGrid(), 1.1), Flow, 10, "Strength is 1.1*[0, 1]*" },
        { new ReversedGrid(new StrengthGrid(new TimestepGrid(), 0)), Schedule, 10, "Inner has no step*" },
        { new CurveOverGrid(new KarrasGrid(), new StrengthGrid(new TimestepGrid(), 0)), Schedule, 10, "Ends has no noisy level*" },
        { new KarrasGrid(), Schedule.WithZeroTerminalSnr(), 10, "*goes from sigma / alpha*finite*Set MinRatio and MaxRatio." },
        { new ReversedGrid(new TimestepGrid(TimestepSpacing.Leading)), Schedule, 10, "*stands for the clean image*" },
        { new DistilledGrid(50), Schedule, 51, "Steps is 51*1..50*" },
        { new VarianceGrid { LastTime = 1 }, Schedule, 10, "LastTime is 1*" },
        { ListedGrid.OfTimes(999, 999), Schedule, 2, "*lists 999 after 999*" },
        { ListedGrid.OfTimes(1, 0.5, 0), Flow, 3, "*lists 0 last, which is the clean image*Leave it out*" },
        { ListedGrid.OfTimes(1200, 3), Schedule, 2, "*from 1200 to 3*" },
        { ListedGrid.OfRatios(3), Schedule, 0, "*at least one step*" },
        { ListedGrid.OfRatios(3, 1), Schedule, 5, "Steps is 5, but the grid lists 1*" },
    };

    private sealed class DirectProgress(Action<SamplingProgress> report) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value) => report(value);
    }
}
