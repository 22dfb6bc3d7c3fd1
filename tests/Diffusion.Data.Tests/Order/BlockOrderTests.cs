using CsCheck;

namespace Diffusion.Data.Tests;

public sealed class BlockOrderTests
{
    [Fact]
    public void Every_epoch_holds_every_image_once_whatever_the_groups_and_the_window() =>
        Gen.Select(Gen.Long[0, 40].Array[1, 60], Gen.Int[1, 500], Gen.Long[0, 4], Gen.Long).Sample((sizes, window, epoch, seed) =>
        {
            sizes[0] = Math.Max(1, sizes[0]);
            BlockOrder order = new(new SeedStream(seed), sizes, window);
            long[] seen = Epoch(order, epoch);
            Array.Sort(seen);
            return seen.SequenceEqual(Enumerable.Range(0, (int)sizes.Sum()).Select(i => (long)i));
        }, iter: 200);

    [Fact]
    public void Groups_are_shuffled_and_a_window_uses_only_adjacent_groups()
    {
        long[] sizes = [.. Enumerable.Repeat(100L, 50)];
        BlockOrder order = new(new SeedStream(1), sizes, window: 300);
        foreach (long epoch in (long[])[0, 1])
        {
            long[] seen = Epoch(order, epoch);
            seen.Chunk(300).Should().OnlyContain(window => window.Select(index => index / 100).Distinct().Count() == window.Length / 100);
            seen.Chunk(300).SelectMany(window => window.Select(index => index / 100).Distinct().Order()).Should().NotBeInAscendingOrder();
            seen.Zip(seen.Skip(1)).Count(pair => pair.Second == pair.First + 1).Should().BeLessThan(60);
        }

        Epoch(order, 0).Zip(Epoch(order, 1)).Count(pair => pair.First == pair.Second).Should().BeLessThan(30);
    }

    [Fact]
    public void Full_batches_drop_the_last_images_and_different_ones_in_each_epoch()
    {
        BlockOrder order = new(new SeedStream(1), [7, 10, 6], window: 5, multiple: 8);
        order.EpochLength.Should().Be(16);
        Enumerable.Range(0, 20).SelectMany(epoch => Epoch(order, epoch)).Distinct().Should().HaveCount(23);
        Enumerable.Range(0, 20).Should().OnlyContain(epoch => Epoch(order, epoch).Distinct().Count() == 16);
        ((Action)(() => new BlockOrder(new SeedStream(1), [7], multiple: 8))).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("*there are 7*");
        ((Action)(() => new SampleOrder(new SeedStream(1), 7, multiple: 8))).Should().Throw<ArgumentOutOfRangeException>()
            .WithMessage("*there are 7*");
        new SampleOrder(new SeedStream(1), 23, multiple: 8).EpochLength.Should().Be(16);
    }

    [Fact]
    public void Several_threads_in_different_epochs_get_the_same_order_as_one_thread()
    {
        long[] sizes = [.. Enumerable.Range(1, 60).Select(i => (long)i)];
        BlockOrder alone = new(new SeedStream(3), sizes, window: 64);
        long[] expected = [.. Enumerable.Range(0, 5).SelectMany(epoch => Epoch(alone, epoch))];
        BlockOrder shared = new(new SeedStream(3), sizes, window: 64);
        long[] seen = new long[expected.Length];
        Parallel.For(0, seen.Length, position => seen[position] = shared.IndexAt(position));
        seen.Should().Equal(expected);
    }

    [Fact]
    public void The_order_never_changes_between_versions() =>
        Epoch(new BlockOrder(new SeedStream(1), [3, 4, 5], window: 4), 0).Should().Equal(5, 4, 3, 6, 0, 2, 7, 1, 11, 9, 8, 10);

    [Fact]
    public void Invalid_groups_are_rejected()
    {
        ((Action)(() => new BlockOrder(new SeedStream(1), []))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => new BlockOrder(new SeedStream(1), [0, 0]))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => new BlockOrder(new SeedStream(1), [3, -1]))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => new BlockOrder(new SeedStream(1), [3], window: 0))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => new BlockOrder(new SeedStream(1), [3]).IndexAt(-1))).Should().Throw<ArgumentOutOfRangeException>();
    }

    private static long[] Epoch(BlockOrder order, long epoch) =>
        [.. Enumerable.Range(0, (int)order.EpochLength).Select(i => order.IndexAt((epoch * order.EpochLength) + i))];
}
