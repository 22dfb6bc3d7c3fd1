namespace Diffusion.Core.Tests.Schedules;

/// <summary>What every schedule owes to samplers, and each family's own scaling.</summary>
public sealed class ContinuousScheduleTests
{
    public static TheoryData<INoiseSchedule> All { get; } =
    [
        NoiseSchedule.Cosine(), NoiseSchedule.Linear(250), NoiseSchedule.ScaledLinear(4000), ZeroTerminal(), new EdmSchedule(),
            new EdmSchedule(0.01, 20), new FlowSchedule(), new FlowSchedule(shift: 3), NoiseSchedule.Laplace(), NoiseSchedule.Exponential(),
    ];

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void The_ratio_grows_with_the_time_and_the_time_is_found_again(INoiseSchedule schedule)
    {
        double before = -1;
        for (int i = 0; i <= 997; i++)
        {
            double time = schedule.FirstTime + ((schedule.LastTime - schedule.FirstTime) * i / 997);
            NoiseLevel level = schedule.At(time);
            level.Time.Should().Be(time);
            level.Ratio.Should().BeGreaterThan(before);
            before = level.Ratio;

            // Between two timesteps levels are linear in the ratio and labels in its logarithm.
            double tolerance = schedule is DiscreteSchedule ? 0.1 : 1e-9;
            schedule.TimeOf(level.HalfLogSnr).Should().BeApproximately(time, tolerance * Math.Max(1, time / 10));
        }
    }

    [Theory]
    [InlineData(998.0001)]
    [InlineData(998.25)]
    [InlineData(998.9999)]
    public void Between_the_last_timestep_and_pure_noise_the_time_of_a_level_is_found_again(double time)
    {
        DiscreteSchedule schedule = ZeroTerminal();
        NoiseLevel level = schedule.At(time);
        level.Ratio.Should().BeApproximately(schedule[998].Ratio / (999 - time), 1e-9 * level.Ratio);
        schedule.TimeOf(level.HalfLogSnr).Should().BeApproximately(time, 1e-9);
        schedule.WithHalfLogSnr(level.HalfLogSnr).Label.Should().BeApproximately(time, 1e-9);
    }

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void A_level_of_a_half_log_SNR_has_exactly_that_also_beyond_the_ends_and_its_time_is_held_there(INoiseSchedule schedule)
    {
        for (double sought = -12; sought <= 12; sought += 0.37)
        {
            NoiseLevel level = schedule.WithHalfLogSnr(sought);
            level.HalfLogSnr.Should().BeApproximately(sought, 1e-12 * Math.Max(1, Math.Exp(Math.Abs(sought)) * 1e-3));
            level.Time.Should().BeInRange(schedule.FirstTime, schedule.LastTime).And.Be(schedule.TimeOf(sought));
            double scale = schedule switch
            {
                DiscreteSchedule => Math.Sqrt((level.Alpha * level.Alpha) + (level.Sigma * level.Sigma)),
                EdmSchedule => level.Alpha,
                _ => level.Alpha + level.Sigma,
            };
            scale.Should().BeApproximately(1, 1e-14, "that is the schedule's own scaling");
        }

        schedule.TimeOf(double.PositiveInfinity).Should().Be(schedule.FirstTime);
        schedule.TimeOf(double.NegativeInfinity).Should().Be(schedule.LastTime);
    }

    [Theory]
    [MemberData(nameof(All), DisableDiscoveryEnumeration = true)]
    public void Times_outside_and_what_is_no_number_are_refused(INoiseSchedule schedule)
    {
        foreach (double time in (double[])[schedule.FirstTime - 1e-6, schedule.LastTime + 1e-6, double.NaN])
        {
            schedule.Invoking(s => s.At(time)).Should().Throw<ArgumentOutOfRangeException>()
                .WithMessage($"A time of {schedule.Description} lies in [*");
        }

        schedule.Invoking(s => s.TimeOf(double.NaN)).Should().Throw<ArgumentOutOfRangeException>();
        schedule.Invoking(s => s.WithHalfLogSnr(double.PositiveInfinity)).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("*NoiseLevel.Clean*");
    }

    [Fact]
    public void Labels_are_the_timestep_a_quarter_of_the_logarithm_of_sigma_or_a_thousand_times_the_time()
    {
        NoiseSchedule.Cosine()[300].Label.Should().Be(300);
        NoiseSchedule.Cosine().At(300.25).Label.Should().Be(300.25);
        new EdmSchedule().At(80).Label.Should().Be(Math.Log(80) / 4);
        new FlowSchedule().At(0.25).Label.Should().Be(250);
    }

    [Theory]
    [InlineData(0, 80)]
    [InlineData(1, 1)]
    [InlineData(1, double.PositiveInfinity)]
    [InlineData(double.NaN, 1)]
    public void Sigmas_that_do_not_rise_from_above_zero_are_refused(double min, double max) =>
        FluentActions.Invoking(() => new EdmSchedule(min, max)).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("Sigma must go*Use 0.002 and 80*");

    [Fact]
    public void Levels_that_do_not_grow_noisier_are_refused()
    {
        NoiseLevel[] levels = [.. Enumerable.Range(0, 250).Select(t => NoiseSchedule.Linear(250)[t])];
        levels[100] = levels[99];
        FluentActions.Invoking(() => new DiscreteSchedule(levels, "mine")).Should().Throw<ArgumentException>()
            .WithMessage("Timestep 100*must*grow*");
    }

    private static DiscreteSchedule ZeroTerminal() => new(
        [.. Enumerable.Range(1, 1000).Select(t => t == 1000
            ? new NoiseLevel(0, 1, 999)
            : new NoiseLevel(Math.Cos(t / 1000.0 * Math.PI / 2), Math.Sin(t / 1000.0 * Math.PI / 2), t - 1))],
        "zero terminal SNR");
}
