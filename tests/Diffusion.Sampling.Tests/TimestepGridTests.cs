using CsCheck;

namespace Diffusion.Sampling.Tests;

public sealed class TimestepGridTests
{
    private static readonly TimestepSpacing[] Spacings = Enum.GetValues<TimestepSpacing>();
    private static readonly int[] Schedules = [250, 1000, 4000];
    private static readonly Gen<TimestepSpacing> AnySpacing = Gen.Int[0, Spacings.Length - 1].Select(i => Spacings[i]);
    private static readonly Gen<int> AnySchedule = Gen.Int[0, Schedules.Length - 1].Select(i => Schedules[i]);

    [Fact]
    public void Trailing_starts_at_the_noisiest_timestep_and_stops_a_stride_short_of_zero()
    {
        TimestepGrid.Create(TimestepSpacing.Trailing, 10, 1000).Should().Equal(999, 899, 799, 699, 599, 499, 399, 299, 199, 99);
        TimestepGrid.Create(TimestepSpacing.Trailing, 50, 1000).Should().StartWith([999, 979, 959]).And.EndWith([39, 19]);

        // round(1000 - i * 142.857...) - 1
        TimestepGrid.Create(TimestepSpacing.Trailing, 7, 1000).Should().Equal(999, 856, 713, 570, 428, 285, 142);
    }

    [Fact]
    public void Leading_ends_at_zero_and_starts_a_stride_short_of_the_noisiest_timestep()
    {
        TimestepGrid.Create(TimestepSpacing.Leading, 10, 1000).Should().Equal(900, 800, 700, 600, 500, 400, 300, 200, 100, 0);
        TimestepGrid.Create(TimestepSpacing.Leading, 50, 1000).Should().StartWith([980, 960, 940]).And.EndWith([20, 0]);
    }

    [Fact]
    public void Leading_has_a_whole_stride_even_where_the_steps_do_not_divide_the_schedule()
    {
        TimestepGrid.Create(TimestepSpacing.Leading, 7, 1000).Should().Equal(852, 710, 568, 426, 284, 142, 0);
        TimestepGrid.Create(TimestepSpacing.Leading, 600, 1000).Should().StartWith([599, 598]).And.EndWith([1, 0]);
    }

    [Fact]
    public void Without_timestep_0_one_more_timestep_is_spaced_and_the_last_is_left_out()
    {
        TimestepGrid.Create(TimestepSpacing.Leading, 4, 1000, excludesZero: true).Should().Equal(800, 600, 400, 200);
        TimestepGrid.Create(TimestepSpacing.Linspace, 4, 1000, excludesZero: true).Should().Equal(999, 749, 500, 250);
        TimestepGrid.Create(TimestepSpacing.Linspace, 1, 1000, excludesZero: true).Should().Equal(999);
        ((Func<int[]>)(() => TimestepGrid.Create(TimestepSpacing.Linspace, 1000, 1000, excludesZero: true)))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*1..999*");
    }

    [Fact]
    public void An_offset_is_added_to_each_leading_timestep_as_far_as_the_schedule_goes()
    {
        TimestepGrid.Create(TimestepSpacing.Leading, 10, 1000, offset: 1).Should().Equal(901, 801, 701, 601, 501, 401, 301, 201, 101, 1);
        TimestepGrid.Create(TimestepSpacing.Leading, 10, 1000, offset: 99).Should().StartWith([999]).And.EndWith([99]);
        TimestepGrid.Create(TimestepSpacing.Leading, 1, 1000, offset: 1).Should().Equal(999);
    }

    [Theory]
    [InlineData(TimestepSpacing.Leading, 10, 100, "0..99")]
    [InlineData(TimestepSpacing.Leading, 10, -1, "0..99")]
    [InlineData(TimestepSpacing.Leading, 1000, 1, "0..0")]
    [InlineData(TimestepSpacing.Trailing, 10, 1, "Leading")]
    [InlineData(TimestepSpacing.Linspace, 10, 1, "Leading")]
    public void An_offset_beyond_that_is_refused(TimestepSpacing spacing, int steps, int offset, string expected) =>
        ((Func<int[]>)(() => TimestepGrid.Create(spacing, steps, 1000, offset)))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage($"StepsOffset is {offset}*{expected}*");

    [Fact]
    public void Linspace_includes_both_ends()
    {
        TimestepGrid.Create(TimestepSpacing.Linspace, 10, 1000).Should().Equal(999, 888, 777, 666, 555, 444, 333, 222, 111, 0);

        // 499.5 is a half, and goes to the even neighbor.
        TimestepGrid.Create(TimestepSpacing.Linspace, 5, 1000).Should().Equal(999, 749, 500, 250, 0);
        TimestepGrid.Create(TimestepSpacing.Linspace, 50, 1000).Should().StartWith([999, 979, 958, 938]).And.EndWith([41, 20, 0]);
    }

    [Fact]
    public void A_single_step_starts_from_the_noisiest_timestep()
    {
        foreach (TimestepSpacing spacing in Spacings)
        {
            TimestepGrid.Create(spacing, 1, 1000).Should().Equal(999);
        }
    }

    [Fact]
    public void All_steps_are_the_whole_schedule()
    {
        foreach (TimestepSpacing spacing in Spacings)
        {
            TimestepGrid.Create(spacing, 250, 250).Should().Equal(Enumerable.Range(0, 250).Reverse());
        }
    }

    [Fact]
    public void Every_grid_has_the_asked_number_of_different_timesteps_within_the_schedule_in_descending_order()
    {
        Gen<(TimestepSpacing Spacing, int Steps, int Timesteps)> grids =
            from spacing in AnySpacing
            from timesteps in AnySchedule
            from steps in Gen.Int[1, timesteps]
            select (spacing, steps, timesteps);
        grids.Sample(g => IsSound(TimestepGrid.Create(g.Spacing, g.Steps, g.Timesteps), g.Steps, g.Timesteps), iter: 3000);
    }

    [Fact]
    public void Every_number_of_steps_of_the_shortest_schedule_gives_a_sound_grid()
    {
        foreach (TimestepSpacing spacing in Spacings)
        {
            for (int steps = 1; steps <= 250; steps++)
            {
                IsSound(TimestepGrid.Create(spacing, steps, 250), steps, 250).Should().BeTrue("of {0} with {1} steps", spacing, steps);
            }
        }
    }

    [Fact]
    public void Neighbors_lie_evenly_apart()
    {
        Gen<(TimestepSpacing Spacing, int Steps)> grids = AnySpacing.Select(Gen.Int[2, 999]);
        grids.Sample(
            g =>
            {
                int[] grid = TimestepGrid.Create(g.Spacing, g.Steps, 1000);
                int[] strides = [.. grid.Zip(grid.Skip(1), (a, b) => a - b)];
                return strides.Max() - strides.Min() <= 1;
            },
            iter: 500);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1001)]
    public void A_number_of_steps_outside_the_schedule_is_refused(int steps) =>
        ((Func<int[]>)(() => TimestepGrid.Create(TimestepSpacing.Trailing, steps, 1000)))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*1..1000*");

    [Fact]
    public void An_unknown_spacing_is_refused() =>
        ((Func<int[]>)(() => TimestepGrid.Create((TimestepSpacing)99, 10, 1000)))
            .Should().Throw<ArgumentOutOfRangeException>().WithMessage("*Trailing, Leading or Linspace*");

    private static bool IsSound(int[] grid, int steps, int timesteps) =>
        grid.Length == steps
        && grid[0] < timesteps
        && grid[^1] >= 0
        && grid.Zip(grid.Skip(1)).All(pair => pair.First > pair.Second);
}
