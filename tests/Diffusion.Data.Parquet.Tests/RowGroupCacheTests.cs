using System.Buffers;
using System.Collections.Concurrent;
using Diffusion.TestKit;

namespace Diffusion.Data.Parquet.Tests;

public sealed class RowGroupCacheTests : IDisposable
{
    private const int GroupBytes = 100;

    private readonly TemporaryFolder folder = new();
    private readonly ConcurrentQueue<int> loads = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_least_recently_used_group_is_dropped_first()
    {
        RowGroupCache cache = new(3 * GroupBytes, Load);
        foreach (int group in new[] { 0, 1, 2, 0, 3, 0, 2, 1 })
        {
            cache.Get(group)[0]!.Length.Should().Be(GroupBytes);
            cache.Held.Should().BeLessThanOrEqualTo(3 * GroupBytes);
        }

        loads.Should().Equal(0, 1, 2, 3, 1);
        cache.Clear();
        cache.Held.Should().Be(0);
    }

    [Fact]
    public void A_group_larger_than_the_limit_is_kept_until_the_next_one()
    {
        RowGroupCache cache = new(GroupBytes - 1, Load);
        foreach (int group in new[] { 0, 0, 1, 0 })
        {
            cache.Get(group);
            cache.Held.Should().Be(GroupBytes);
        }

        loads.Should().Equal(0, 1, 0);
    }

    [Fact]
    public async Task Threads_share_one_read_of_a_group()
    {
        using Barrier together = new(4);
        RowGroupCache cache = new(10 * GroupBytes, Load);
        Task[] threads = [.. Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (int group = 0; group < 50; group++)
                {
                    together.SignalAndWait(TestContext.Current.CancellationToken);
                    cache.Get(group);
                }
            },
            TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        await Task.WhenAll(threads);
        loads.Order().Should().Equal(Enumerable.Range(0, 50));
        cache.Held.Should().Be(10 * GroupBytes);
    }

    [Fact]
    public void A_failed_read_is_tried_again()
    {
        int left = 1;
        RowGroupCache cache = new(GroupBytes, group => left-- > 0 ? throw new ImageDataException("a", "gone") : Load(group));
        ((Action)(() => cache.Get(7))).Should().Throw<ImageDataException>();
        cache.Get(7).Should().HaveCount(1);
        cache.Held.Should().Be(GroupBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3 * 4 * 500)]
    [InlineData(1 << 30)]
    public async Task Four_threads_at_random_read_what_one_reads_in_order_within_the_limit(long bound)
    {
        for (int file = 0; file < 3; file++)
        {
            byte[]?[][] groups = [.. Enumerable.Range(0, 5)
                .Select(group =>
                    Enumerable.Range(0, 4).Select(row => WrittenParquet.Png((file * 20) + (group * 4) + row, atLeast: 500)).ToArray())];
            await WrittenParquet.Write(folder.File($"train-{file}.parquet"), groups, row => row);
        }

        string[] paths = Directory.GetFiles(folder.Path);
        Array.Sort(paths, StringComparer.Ordinal);
        using ParquetImageFiles files = ParquetImageFiles.Open("the test", paths, new ParquetImageOptions { CacheBytes = bound });
        files.Count.Should().Be(60);
        ConcurrentQueue<(long Index, byte[] Bytes)> read = new();
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = TestContext.Current.CancellationToken },
            thread =>
        {
            SeedStream draws = new(thread);
            for (int i = 0; i < 200; i++)
            {
                long index = (long)(draws.Uniform(RandomPurpose.Augmentation, i) * files.Count);
                ArrayBufferWriter<byte> bytes = new();
                files.Read(index, bytes, TestContext.Current.CancellationToken);
                read.Enqueue((index, bytes.WrittenSpan.ToArray()));
                files.Cache.Held.Should().BeLessThanOrEqualTo(Math.Max(bound, 4 * 500));
            }
        });

        read.Should().HaveCount(800);
        foreach ((long index, byte[] bytes) in read)
        {
            bytes.Should().Equal(WrittenParquet.Png((int)index, atLeast: 500));
        }
    }

    private byte[]?[] Load(int group)
    {
        loads.Enqueue(group);
        return [new byte[GroupBytes]];
    }
}
