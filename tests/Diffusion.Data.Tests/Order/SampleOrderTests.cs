using CsCheck;

namespace Diffusion.Data.Tests;

public sealed class SampleOrderTests
{
    [Fact]
    public void Every_epoch_holds_every_image_once_whatever_the_count()
    {
        Gen.Select(Gen.Long[1, 3000], Gen.Long, Gen.Long[0, 5]).Sample((count, seed, epoch) =>
        {
            SampleOrder order = new(new SeedStream(seed), count);
            HashSet<long> seen = [.. Indices(order, epoch)];
            return seen.Count == count && seen.Min() == 0 && seen.Max() == count - 1;
        }, iter: 100);
        Enumerable.Range(1, 40).Should()
            .OnlyContain(count => Indices(new SampleOrder(new SeedStream(1), count), 3).Distinct().Count() == count);
    }

    [Fact]
    public void The_largest_set_has_no_two_positions_with_one_image()
    {
        SampleOrder order = new(new SeedStream(1), SampleOrder.MaxCount);
        long[] indices = [.. Enumerable.Range(0, 20_000).Select(i => order.IndexAt(i * 49_999_999L))];
        indices.Should().OnlyHaveUniqueItems().And.OnlyContain(index => index >= 0 && index < SampleOrder.MaxCount);
        indices.Average().Should().BeInRange(0.49e12, 0.51e12);
    }

    [Fact]
    public void Every_epoch_and_seed_has_its_own_order()
    {
        SampleOrder order = new(new SeedStream(1), 1000);
        SampleOrder other = new(new SeedStream(2), 1000);
        long[] first = Indices(order, 0);
        first.Zip(Indices(order, 1)).Count(pair => pair.First == pair.Second).Should().BeLessThan(10);
        first.Zip(Indices(other, 0)).Count(pair => pair.First == pair.Second).Should().BeLessThan(10);
        first.Zip(Enumerable.Range(0, 1000)).Count(pair => pair.First == pair.Second).Should().BeLessThan(10);
        Indices(new SampleOrder(new SeedStream(1), 1000), 0).Should().Equal(first);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(16)]
    [InlineData(50)]
    public void An_image_is_at_every_position_equally_often(int count)
    {
        const int Epochs = 20_000;
        SampleOrder order = new(new SeedStream(9), count);
        foreach (int position in (int[])[0, count - 1])
        {
            double expected = (double)Epochs / count;
            double chiSquare = Enumerable.Range(0, Epochs)
                .CountBy(epoch => order.IndexAt(((long)epoch * count) + position))
                .Sum(entry => Math.Pow(entry.Value - expected, 2) / expected);
            chiSquare.Should().BeLessThan((count - 1) + (5 * Math.Sqrt(2.0 * (count - 1))) + 5);
        }
    }

    [Fact]
    public void All_six_orders_of_three_images_are_equally_frequent()
    {
        SampleOrder order = new(new SeedStream(4), 3);
        int[] counts = [.. Enumerable.Range(0, 12_000).CountBy(epoch => string.Join(string.Empty, Indices(order, epoch)))
            .Select(entry => entry.Value)];
        counts.Should().HaveCount(6).And.OnlyContain(count => count > 1700 && count < 2300);
    }

    [Fact]
    public void Neighbors_do_not_stay_neighbors()
    {
        SampleOrder order = new(new SeedStream(5), 10_000);
        long[] indices = Indices(order, 0);
        int near = indices.Zip(indices.Skip(1)).Count(pair => Math.Abs(pair.First - pair.Second) <= 5);
        near.Should().BeLessThan(30); // 10 expected
    }

    [Fact]
    public void The_order_never_changes_between_versions()
    {
        SampleOrder ten = new(new SeedStream(1), 10);
        SampleOrder mnist = new(new SeedStream(42), 60_000);
        Indices(ten, 0).Should().Equal(4, 9, 0, 7, 6, 3, 1, 8, 5, 2);
        new long[] { 0, 1, 59_999, 60_000, 6_000_000_000 }.Select(mnist.IndexAt).Should().Equal(51_360, 24_037, 45_194, 34_090, 21_673);
    }

    [Fact]
    public void Positions_and_counts_out_of_range_are_rejected()
    {
        ((Action)(() => new SampleOrder(new SeedStream(1), 0))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => new SampleOrder(new SeedStream(1), SampleOrder.MaxCount + 1))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => new SampleOrder(new SeedStream(1), 5).IndexAt(-1))).Should().Throw<ArgumentOutOfRangeException>();
    }

    private static long[] Indices(SampleOrder order, long epoch) =>
        [.. Enumerable.Range(0, (int)order.EpochLength).Select(i => order.IndexAt((epoch * order.EpochLength) + i))];
}
