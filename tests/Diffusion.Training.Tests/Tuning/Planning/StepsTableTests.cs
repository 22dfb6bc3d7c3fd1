namespace Diffusion.Training.Tests.Tuning.Planning;

public sealed class StepsTableTests
{
    [Theory]
    [InlineData(10_000, 64, 200_000, 1)]
    [InlineData(50_000, 64, 500_000, 4)]
    [InlineData(1_000_000, 64, 1_000_000, 17.5)]
    [InlineData(50_000, 256, 500_000, 10.5)]
    public void The_points_of_the_rule_are_met(long images, int size, long steps, double days)
    {
        SuggestedSteps suggested = Suggested(images, size);
        suggested.Steps.Should().Be(steps);
        suggested.OneV100!.Value.TotalDays.Should().BeApproximately(days, 1e-6);
    }

    [Fact]
    public void Between_the_points_both_axes_are_interpolated_in_logarithms()
    {
        Suggested(22_361, 64).Steps.Should().Be(320_000); // the geometric mean of 200,000 and 500,000, to two digits
        Suggested(22_361, 64).OneV100!.Value.TotalDays.Should().BeApproximately(2, 1e-3);
        Suggested(50_000, 128).OneV100!.Value.TotalDays.Should().BeApproximately(Math.Sqrt(4 * 10.5), 1e-6);
        Suggested(50_000, 128).Steps.Should().Be(500_000);
    }

    [Fact]
    public void Beyond_the_points_images_go_on_and_sizes_hold()
    {
        Suggested(1000, 64).Steps.Should().Be(54_000);
        Suggested(10_000_000, 64).Steps.Should().Be(1_700_000);
        Suggested(3, 64).Steps.Should().Be(10_000);
        Suggested(50_000, 16).Steps.Should().Be(Suggested(50_000, 64).Steps);
        Suggested(50_000, 1024).Steps.Should().Be(Suggested(50_000, 256).Steps);
    }

    [Theory]
    [InlineData(9_999, 64)]
    [InlineData(1_000_001, 64)]
    [InlineData(50_000, 32)]
    [InlineData(50_000, 512)]
    public void Beyond_the_points_no_time_is_named(long images, int size) => Suggested(images, size).OneV100.Should().BeNull();

    [Theory]
    [InlineData(16, 4)]
    [InlineData(512, 4)]
    [InlineData(8192, 16)]
    public void The_time_goes_with_the_images_seen(int batch, double days) =>
        Suggested(50_000, 64, batch).OneV100!.Value.TotalDays.Should().BeApproximately(days, 1e-6);

    [Fact]
    public void More_images_never_suggest_fewer_steps_and_larger_batches_never_more()
    {
        long[] byImages = [.. Enumerable.Range(0, 200).Select(i => Suggested((long)Math.Pow(10, i / 25.0), 64).Steps)];
        byImages.Should().BeInAscendingOrder();
        long[] byBatch = [.. Enumerable.Range(0, 14).Select(i => Suggested(50_000, 64, 1 << i).Steps)];
        byBatch.Should().BeInDescendingOrder();
    }

    [Theory]
    [InlineData(16, 2_000_000)]
    [InlineData(256, 130_000)]
    [InlineData(512, 63_000)]
    [InlineData(2048, 31_000)]
    public void The_batch_divides_the_steps_by_what_it_multiplies_the_rate_with(int batch, long steps) =>
        Suggested(50_000, 64, batch).Steps.Should().Be(steps);

    [Theory]
    [InlineData(500, 64, 64,
        "Fewer images than the rule of thumb names, which begins with 200,000 steps for 10,000: 36,000 steps at batch 64.")]
    [InlineData(20_000, 32, 32,
        "Between the rules of thumb of 200,000 steps for 10,000 images and 500,000 for 50,000; images of 32 x 32 lie outside its 64 x 64 "
            + "to 256 x 256: 300,000 steps at batch 64, 2 times as many at batch 32.")]
    [InlineData(200_000, 128, 64,
        "Between the rules of thumb of 500,000 steps for 50,000 images and 1,000,000 for a million: 690,000 steps at batch 64.")]
    [InlineData(2_000_000, 64, 64,
        "More images than the rule of thumb names, which ends with 1,000,000 steps for a million: 1,200,000 steps at batch 64.")]
    public void It_says_where_the_number_comes_from(long images, int size, int batch, string reason) =>
        Suggested(images, size, batch).Reason.Should().Be(reason);

    private static SuggestedSteps Suggested(long images, int size, int batch = 64) =>
        StepsTable.For(images, new ImageShape(3, size, size), batch);
}
