namespace Diffusion.Training.Tests.Optimization;

public sealed class LearningRateTests
{
    [Theory]
    [InlineData(1000, 50)]
    [InlineData(100_000, 5000)]
    [InlineData(1_000_000, 5000)]
    [InlineData(10, 0)]
    public void The_default_warm_up_is_five_percent_and_at_most_5000_steps(long steps, long warmup) =>
        new LearningRate().WarmupOf(steps).Should().Be(warmup);

    [Fact]
    public void The_warm_up_is_a_straight_line_to_the_peak()
    {
        LearningRate rate = LearningRate.Constant(1e-3).WithWarmup(4);
        Enumerable.Range(0, 6).Select(step => rate.At(step, 100)).Should().Equal(0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3, 1e-3);
    }

    [Fact]
    public void The_shapes_end_where_they_should()
    {
        LearningRate.Constant(1).WithWarmup(0).At(999, 1000).Should().Be(1);
        LearningRate.Cosine(1).WithWarmup(0).At(500, 1000).Should().BeApproximately(0.5, 1e-12);
        LearningRate.Cosine(1).WithWarmup(100).At(100, 1000).Should().Be(1);
        LearningRate.Cosine(1).WithWarmup(0).At(1000, 1000).Should().BeApproximately(0, 1e-12);
        LearningRate.Linear(1).WithWarmup(0).At(750, 1000).Should().BeApproximately(0.25, 1e-12);
        LearningRate.InverseSquareRoot(1).WithWarmup(100).At(399, 1000).Should().BeApproximately(0.5, 1e-12);
        LearningRate.InverseSquareRoot(1).WithWarmup(100).At(99, 1000).Should().Be(1);
    }
}
