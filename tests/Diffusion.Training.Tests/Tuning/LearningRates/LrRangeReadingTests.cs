namespace Diffusion.Training.Tests.Tuning.LearningRates;

public sealed class LrRangeReadingTests
{
    private static readonly LrRangeOptions Range = new();

    // Level to 1e-5, lowest at 5e-4: a parabola over the logarithm.
    private static double Bowl(double rate) => 0.2 + (0.2 * Math.Pow(Math.Max(-5, Math.Log10(rate)) + 3.3, 2));

    [Fact]
    public void A_curve_with_a_bottom_suggests_a_tenth_of_its_rate()
    {
        LrRange range = Of(Bowl);
        range.Suggestion.Rule.Should().Be(nameof(LrSuggestionRule.TenthOfLowest));
        range.Suggestion.LearningRate.Should().BeApproximately(5e-5, 0.2e-5);
        range.Advice.Should().Match("Use a peak learning rate of *e-5: a tenth of *e-4, where the loss was lowest (0.2*) before it rose.");
    }

    [Theory]
    [InlineData(0.015)]
    [InlineData(-0.025)]
    public void A_wiggle_before_the_fall_is_no_rise(double height)
    {
        LrRange plain = Of(Bowl);
        LrRange wiggling = Of(rate => Bowl(rate) * (1 + (height * Math.Exp(-Math.Pow((Math.Log10(rate) + 6) / 0.3, 2)))));

        wiggling.Suggestion.LearningRate.Should().BeApproximately(plain.Suggestion.LearningRate!.Value, 0.1e-5);
    }

    [Fact]
    public void A_rise_after_much_of_the_fall_is_one_though_the_loss_is_lower_later()
    {
        // From 1 to 0.4 at 1e-4, up to 0.8 at 1e-3, and down to 0.2.
        LrRange range = Of(rate => Math.Log10(rate) is var at && at < -4
            ? 1 - (0.2 * (at + 7))
            : at < -3 ? 0.4 + (0.4 * (at + 4)) : 0.8 - (0.6 * (at + 3)));

        range.Suggestion.LearningRate.Should().BeApproximately(1e-5, 0.2e-5);
    }

    [Fact]
    public void The_steepest_descent_is_where_the_loss_falls_fastest()
    {
        // A logistic step falls fastest in its middle, at 3.16e-5.
        LrRange range = Of(rate => rate > 2e-3 ? 2 : 0.2 + (0.8 / (1 + Math.Exp(4 * (Math.Log10(rate) + 4.5)))));
        Rate(range, nameof(LrSuggestionRule.SteepestDescent)).Should().BeApproximately(3.16e-5, 0.25e-5);
    }

    [Fact]
    public void The_valley_is_the_middle_of_the_longest_fall()
    {
        // It falls from 1e-6 to 1e-3 and is level before.
        LrRange range = Of(rate => rate < 1e-6 ? 1 : rate > 1e-3 ? 3 : 1 - (0.25 * (Math.Log10(rate) + 6)));
        Rate(range, nameof(LrSuggestionRule.Valley)).Should().BeApproximately(Math.Pow(10, -4.5), 0.5e-5);
    }

    [Fact]
    public void The_slide_stops_where_the_slopes_become_alike()
    {
        // Slopes differ at the high end only: the lower place then lies 15 rates below the last one of the steep end.
        LrRange range = Of(rate => rate < 1e-5
            ? 1
            : rate < 5e-3 ? 1 - (0.3 * (Math.Log10(rate) + 5)) : 0.19 + (3 * (Math.Log10(rate) + 2.301)));
        double steep = range.Points.First(point => point.LearningRate >= 5e-3).LearningRate;
        double fifteen = Math.Pow(Range.Last / Range.Lowest, 15.0 / (Range.Steps - 1));
        Rate(range, nameof(LrSuggestionRule.Slide)).Should().BeInRange(steep / fifteen / 1.5, steep / fifteen * 1.1);
    }

    [Fact]
    public void A_loss_that_falls_to_the_end_gives_no_tenth_of_its_lowest_but_says_to_raise_the_end()
    {
        LrRange range = Of(rate => 1 / (1 + (rate / 1e-3)));
        range.Suggestion.LearningRate.Should().BeNull();
        range.Advice.Should().Match(
            "No suggestion: the loss never rises; it is lowest (0.09*) at 1e-2, and the highest rate tried was 1e-2. Raise "
                + "LrRangeOptions.Highest to 1e-1.");
        Rate(range, nameof(LrSuggestionRule.SteepestDescent)).Should().BeApproximately(1e-3, 0.2e-3);
    }

    [Fact]
    public void A_loss_that_falls_up_to_a_rate_of_one_says_to_use_another_rule()
    {
        LrRangeOptions widest = new() { Highest = 1 };
        LrRange range = LrRangeReading.Of([.. Enumerable.Range(0, widest.Steps).Select(step => 1 / (1 + widest.RateAt(step)))], 1,
            LrRangeEnd.Completed, widest);

        range.Advice.Should().EndWith("No higher rate can be tried: use another rule.");
    }

    [Fact]
    public void A_flat_curve_says_nothing()
    {
        LrRange range = Of(_ => 0.7);
        range.Suggestions.Should().HaveCount(4).And.OnlyContain(suggestion => suggestion.LearningRate == null);
        range.Advice.Should().Be("No suggestion: the loss is the same at every rate up to 1e-2. Raise LrRangeOptions.Highest to 1e-1.");
    }

    [Fact]
    public void Noise_alone_says_nothing()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            SeedStream draws = new(seed);
            int step = 0;
            LrRange range = Of(_ => 0.7 + (0.2 * draws.Uniform(RandomPurpose.Noise, step++)));
            range.Suggestions.Should().OnlyContain(suggestion => suggestion.LearningRate == null, $"seed {seed}: {range.Advice}");
        }
    }

    [Fact]
    public void Noise_moves_the_bottom_of_a_curve_by_less_than_a_factor_of_one_and_a_half()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            SeedStream draws = new(seed);
            int step = 0;
            LrRange range = Of(rate => Bowl(rate) + (0.04 * (draws.Uniform(RandomPurpose.Noise, step++) - 0.5)));
            range.Suggestion.LearningRate.Should().BeInRange(5e-5 / 1.5, 1.5 * 5e-5, $"seed {seed}");
        }
    }

    [Fact]
    public void A_loss_that_only_rises_says_to_start_lower()
    {
        LrRange range = Of(rate => rate < 1e-4 ? 0.5 : 0.5 + Math.Log10(rate) + 4);
        range.Suggestions.Should().OnlyContain(suggestion => suggestion.LearningRate == null);
        range.Advice.Should().Match(
            "No suggestion: the loss never falls, and has risen at *. Start at a lower rate: set LrRangeOptions.Lowest to 1e-9.");
    }

    [Fact]
    public void The_lowest_loss_before_the_rise_counts_not_one_after_it()
    {
        LrRange range = Of(rate => rate < 2e-3 ? Bowl(rate / 4) : 0.1);
        range.Suggestion.LearningRate.Should().BeNull("nothing rose before 2e-3");
        range = Of(rate => rate < 5e-3 ? Bowl(rate * 10) : 0.1);
        range.Suggestion.LearningRate.Should().BeApproximately(5e-6, 0.2e-6);
    }

    [Fact]
    public void Numbers_that_are_not_finite_count_as_a_rise()
    {
        LrRange range = Of(rate => 1 / (1 + (rate / 1e-4)), 160, LrRangeEnd.NotFinite);
        range.Points.Should().HaveCount(160).And.OnlyContain(point => double.IsFinite(point.Smoothed));
        range.EndedAt.Should().BeApproximately(Range.RateAt(160), 1e-12);
        range.Suggestion.LearningRate.Should().BeApproximately(Range.RateAt(159) / 10, 1e-9);
        range.Advice.Should().EndWith("before numbers were not finite.");
        range.ToTable().Should().Contain("numbers were not finite at 1e-3");
    }

    [Theory]
    [InlineData(0, nameof(LrRangeEnd.NotFinite), double.NaN, "*not a number before the first step. Check the weights*")]
    [InlineData(3, nameof(LrRangeEnd.Diverged), 1.0,
        "*only 3 rates were tried before the loss diverged, at least 10 are needed. Start at a lower rate*1e-9.")]
    [InlineData(9, nameof(LrRangeEnd.Canceled), 1.0, "*only 9 rates were tried before the sweep was canceled*Let the sweep run on.")]
    [InlineData(90, nameof(LrRangeEnd.Canceled), 1.0, "*had not changed when the sweep was canceled*Let the sweep run on.")]
    public void Too_few_points_are_told_with_what_to_do(int points, string ending, double start, string advice)
    {
        LrRangeEnd end = Enum.Parse<LrRangeEnd>(ending);
        LrRange range = LrRangeReading.Of([.. Enumerable.Repeat(1.0, points)], start, end, Range);
        range.Suggestion.LearningRate.Should().BeNull();
        range.Advice.Should().Match(advice);
        range.EndedAt.HasValue.Should().Be(end == LrRangeEnd.Diverged);
        range.ToTable().Should().Contain(end switch
        {
            LrRangeEnd.NotFinite => "the loss was not finite before the first step",
            LrRangeEnd.Diverged => "the loss was ten times the first at 1.1e-7",
            _ => "the sweep was canceled",
        });
    }

    [Fact]
    public void A_symmetric_valley_keeps_its_place_when_it_is_smoothed()
    {
        double[] losses = [.. Enumerable.Range(0, 101).Select(i => 0.3 + (0.01 * Math.Abs(i - 50)))];
        double[] smoothed = LrSmoothing.Smooth(losses, 0.025);
        Array.IndexOf(smoothed, smoothed.Min()).Should().Be(50);
        for (int i = 0; i < 50; i++)
        {
            smoothed[i].Should().BeApproximately(smoothed[100 - i], 1e-12);
        }
    }

    [Fact]
    public void A_straight_line_on_a_logarithmic_axis_is_smoothed_to_itself_also_at_its_ends()
    {
        double[] losses = [.. Enumerable.Range(0, 40).Select(i => Math.Exp(-0.03 * i))];
        double[] smoothed = LrSmoothing.Smooth(losses, 0.025);
        smoothed.Zip(losses, (a, b) => Math.Abs(a - b)).Max().Should().BeLessThan(1e-12);
    }

    private static double? Rate(LrRange range, string rule) =>
        range.Suggestions.Single(suggestion => suggestion.Rule == rule).LearningRate;

    private static LrRange Of(Func<double, double> loss, int? points = null, LrRangeEnd end = LrRangeEnd.Completed) =>
        LrRangeReading.Of([.. Enumerable.Range(0, points ?? Range.Steps).Select(step => loss(Range.RateAt(step)))], loss(0), end, Range);
}
