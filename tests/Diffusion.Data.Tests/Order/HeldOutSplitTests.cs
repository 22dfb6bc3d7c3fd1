namespace Diffusion.Data.Tests;

public sealed class HeldOutSplitTests
{
    [Theory]
    [InlineData(1000, 0.05, 50)]
    [InlineData(1000, 0.0, 0)]
    [InlineData(7, 0.01, 1)]
    [InlineData(2, 0.99, 1)]
    [InlineData(60_000, 0.1, 6000)]
    public void Both_parts_have_the_exact_size_and_share_no_image(long count, double fraction, long heldOut)
    {
        HeldOutSplit split = new(count, fraction, new SeedStream(1));
        split.HeldOutCount.Should().Be(heldOut);
        split.TrainingCount.Should().Be(count - heldOut);

        HashSet<long> all = [.. Range(split.TrainingCount).Select(split.TrainingIndexAt), .. Range(split.HeldOutCount)
            .Select(split.HeldOutIndexAt)];
        all.Count.Should().Be((int)count);
        all.Should().OnlyContain(index => index >= 0 && index < count);
    }

    [Theory]
    [InlineData(1000, 0.05)]
    [InlineData(997, 0.31)]
    [InlineData(100, 0.7)]
    [InlineData(10, 0.0)]
    public void Training_keeps_the_order_of_the_set_and_one_image_of_each_segment_is_held_out(long count, double fraction)
    {
        HeldOutSplit split = new(count, fraction, new SeedStream(3));
        long[] training = [.. Range(split.TrainingCount).Select(split.TrainingIndexAt)];
        training.Should().BeInAscendingOrder();
        Range(count + 1).Select(split.TrainingCountBefore).Should()
            .Equal(Range(count + 1).Select(index => (long)training.Count(i => i < index)));
        Range(split.HeldOutCount).Select(split.HeldOutIndexAt).Order()
            .Select((index, stretch) => index * split.HeldOutCount / count - stretch)
            .Should().NotContain(difference => Math.Abs(difference) > 1);
    }

    [Theory]
    [InlineData(100, 0.2, 130)]
    [InlineData(97, 0.31, 98)]
    [InlineData(10, 0.0, 25)]
    [InlineData(10, 0.5, 10)]
    public void An_extended_set_keeps_its_held_out_images_and_trains_on_all_new_ones(long count, double fraction, long grown)
    {
        HeldOutSplit before = new(count, fraction, new SeedStream(3));
        HeldOutSplit after = before.ExtendTo(grown);

        Range(after.HeldOutCount).Select(after.HeldOutIndexAt).Should().Equal(Range(before.HeldOutCount).Select(before.HeldOutIndexAt));
        long[] training = [.. Range(after.TrainingCount).Select(after.TrainingIndexAt)];
        training.Should().Equal([.. Range(before.TrainingCount).Select(before.TrainingIndexAt), .. Range(grown - count)
            .Select(i => count + i)]);
        Range(grown + 1).Select(after.TrainingCountBefore).Should()
            .Equal(Range(grown + 1).Select(index => (long)training.Count(i => i < index)));
        after.ExtendTo(grown + 5).TrainingCount.Should().Be(after.TrainingCount + 5);
        FluentActions.Invoking(() => after.ExtendTo(grown - 1)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void The_largest_set_is_split_without_enumerating_it()
    {
        HeldOutSplit split = new(SampleOrder.MaxCount, 0.5, new SeedStream(3));
        (split.TrainingCount + split.HeldOutCount).Should().Be(SampleOrder.MaxCount);
        for (long position = split.TrainingCount - 1000; position < split.TrainingCount; position++)
        {
            // With one of two images held out, the training image is in the segment of its position.
            long index = split.TrainingIndexAt(position);
            (index / 2).Should().Be(position);
            split.TrainingCountBefore(index).Should().Be(position);
        }

        long[] heldOut = [.. Range(1000).Select(split.HeldOutIndexAt)];
        heldOut.Select(index => index / 2).Should().OnlyHaveUniqueItems("one of each stretch is held out");
        heldOut.Should().OnlyContain(index => split.TrainingIndexAt(index / 2) == (index ^ 1), "the other one is trained on");
    }

    [Fact]
    public void The_same_seed_gives_the_same_split_and_another_seed_another()
    {
        long[] first = HeldOut(1);
        HeldOut(1).Should().Equal(first);
        HeldOut(2).Intersect(first).Count().Should().BeLessThan(30); // 10 expected
        first.Average().Should().BeInRange(350, 650);

        static long[] HeldOut(long seed)
        {
            HeldOutSplit split = new(1000, 0.1, new SeedStream(seed));
            return [.. Range(split.HeldOutCount).Select(split.HeldOutIndexAt)];
        }
    }

    [Fact]
    public void The_split_never_changes_between_versions()
    {
        HeldOutSplit split = new(100, 0.05, new SeedStream(7));
        Range(5).Select(split.HeldOutIndexAt).Should().Equal(40, 89, 12, 21, 66);
    }

    [Theory]
    [InlineData(100, 1.0)]
    [InlineData(100, -0.1)]
    [InlineData(100, double.NaN)]
    [InlineData(1, 0.5)]
    [InlineData(0, 0.0)]
    public void Invalid_splits_are_rejected(long count, double fraction)
    {
        Action split = () => new HeldOutSplit(count, fraction, new SeedStream(1));
        split.Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Positions_out_of_range_are_rejected()
    {
        HeldOutSplit split = new(10, 0.2, new SeedStream(1));
        ((Action)(() => split.TrainingIndexAt(8))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => split.HeldOutIndexAt(2))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => split.HeldOutIndexAt(-1))).Should().Throw<ArgumentOutOfRangeException>();
    }

    private static IEnumerable<long> Range(long count) => Enumerable.Range(0, (int)count).Select(i => (long)i);
}
