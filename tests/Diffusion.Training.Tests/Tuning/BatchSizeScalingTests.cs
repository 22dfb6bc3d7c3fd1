namespace Diffusion.Training.Tests.Tuning;

public sealed class BatchSizeScalingTests
{
    [Theory]
    [InlineData(64, 2e-4)]
    [InlineData(32, 1e-4)]
    [InlineData(256, 8e-4)]
    [InlineData(512, 1.6e-3)]
    [InlineData(2048, 3.2e-3)]
    public void The_rate_grows_with_the_batch_and_beyond_512_with_its_square_root(int batch, double expected) =>
        BatchSizeScaling.LearningRate(batch).Should().BeApproximately(expected, 1e-12);

    [Fact]
    public void A_rate_that_was_found_at_one_batch_is_scaled_to_another_and_back()
    {
        double large = BatchSizeScaling.LearningRate(4096, baseLearningRate: 1e-3, baseBatch: 16);
        large.Should().BeApproximately(1e-3 * 32 * Math.Sqrt(8), 1e-9);
        BatchSizeScaling.LearningRate(16, large, 4096).Should().BeApproximately(1e-3, 1e-12);
    }

    [Fact]
    public void Passes_and_processes_multiply_the_batch() =>
        BatchSizeScaling.EffectiveBatch(16, accumulation: 4, processes: 2).Should().Be(128);

    [Theory]
    [InlineData(8, "tiny")]
    [InlineData(32, "small")]
    [InlineData(64, "small")]
    [InlineData(128, "medium")]
    [InlineData(256, "medium")]
    [InlineData(512, "large")]
    public void Each_batch_has_a_description(int batch, string name) =>
        BatchSizeScaling.Describe(batch).Should().StartWith($"A {name} batch");

    [Theory]
    [InlineData(256, 64, 1, 64, 4, null)]
    [InlineData(256, 100, 1, 64, 4, 255)] // three passes of 85
    [InlineData(64, 1000, 1, 64, 1, null)]
    [InlineData(256, 24, 4, 16, 4, 252)] // 64 each: three passes of 21
    [InlineData(67, 32, 1, 1, 67, 66)] // a prime
    [InlineData(5, 1, 1, 1, 5, null)]
    [InlineData(101, 2, 1, 1, 101, 100)] // fifty passes of 2, not fifty-one of 1
    [InlineData(131, 10, 1, 1, 131, 130)]
    [InlineData(14, 2, 2, 1, 7, 12)]
    [InlineData(64, int.MaxValue, 1, 64, 1, null)] // no limit
    [InlineData(2, int.MaxValue, 1, 2, 1, null)]
    public void A_batch_is_split_into_the_largest_passes_that_fit(int batch, int fits, int processes, int micro, int accumulation,
        int? better)
    {
        BatchSizeScaling.Split(batch, fits, processes).Should().Be((micro, accumulation, better));
        BatchSizeScaling.EffectiveBatch(micro, accumulation, processes).Should().Be(batch);
        if (better is { } other)
        {
            BatchSizeScaling.Split(other, fits, processes).Accumulation.Should().BeLessThan(accumulation);
        }
    }

    [Fact]
    public void Every_split_fits_and_is_whole()
    {
        foreach (int batch in Enumerable.Range(1, 300))
        {
            foreach (int fits in (int[])[1, 3, 7, 16, 50, 299, 1000])
            {
                (int micro, int accumulation, _) = BatchSizeScaling.Split(batch, fits);
                BatchSizeScaling.EffectiveBatch(micro, accumulation).Should().Be(batch);
                micro.Should().BeLessThanOrEqualTo(fits);
                Enumerable.Range(micro + 1, Math.Max(0, Math.Min(fits, batch) - micro)).Should()
                    .NotContain(larger => batch % larger == 0);
            }
        }
    }

    [Fact]
    public void Impossible_numbers_are_refused_with_the_remedy()
    {
        FluentActions.Invoking(() => BatchSizeScaling.Split(10, 4, processes: 4)).Should().Throw<ArgumentException>()
            .WithMessage("*cannot be shared evenly by 4*Use 8 or 12*");
        FluentActions.Invoking(() => BatchSizeScaling.Split(3, 4, processes: 4)).Should().Throw<ArgumentException>().WithMessage("*Use 4.");
        FluentActions.Invoking(() => BatchSizeScaling.LearningRate(64, baseLearningRate: double.NaN)).Should()
            .Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => BatchSizeScaling.EffectiveBatch(int.MaxValue, 2)).Should().Throw<ArgumentOutOfRangeException>();
    }
}
