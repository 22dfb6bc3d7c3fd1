using System.Buffers;
using Diffusion.Data;
using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.Data.Parquet.Tests;

/// <summary>How often an epoch reads row groups when images are shuffled within windows.</summary>
public sealed class ShuffleWindowTests : IDisposable
{
    private const int Groups = 40;
    private const int Rows = 1000;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void By_default_each_of_forty_large_row_groups_is_read_about_once_per_epoch()
    {
        const int ImageBytes = 110_000;
        WindowRoom room = Room(Enumerable.Repeat((Rows, (long)Rows * ImageBytes), Groups));
        byte[]?[] group = [GC.AllocateUninitializedArray<byte>(Rows * ImageBytes)]; // the sum is what counts

        Loads(room.Default(memory: 64L << 30)).Should().BeInRange(Groups, Groups + 5);
        Loads(1L << 30).Should().BeGreaterThan(10_000, "the row groups of 16,384 images take 2 GiB");

        int Loads(long bytes)
        {
            RowGroupCache cache = new(bytes, _ => group);
            BlockOrder order = new(new SeedStream(3), [.. Enumerable.Repeat((long)Rows, Groups)]);
            for (long position = 0; position < order.EpochLength; position++)
            {
                cache.Get((int)(order.IndexAt(position) / Rows));
            }

            return cache.Loads;
        }
    }

    [Fact]
    public async Task MaxShuffleWindow_is_the_largest_window_that_reads_each_row_group_about_once()
    {
        const int Small = 50;
        const int Epochs = 3;
        byte[]?[][] images = [.. Enumerable.Range(0, Groups)
            .Select(group => Enumerable.Range(0, Small).Select(row => (byte[]?)[.. new byte[300], (byte)group, (byte)row]).ToArray())];
        string path = folder.File("train.parquet");
        await WrittenParquet.Write(path, images);
        using ParquetImageFiles all = ParquetImageFiles.Open("the test", [path], new ParquetImageOptions());
        all.MaxShuffleWindow.Should().Be(Groups * Small);

        ParquetImageOptions options = new() { CacheBytes = 12 * Small * 320 };
        using ParquetImageFiles files = ParquetImageFiles.Open("the test", [path], options);
        files.MaxShuffleWindow.Should().BeInRange(8 * Small, 10 * Small);
        int windows = (Groups * Small / files.MaxShuffleWindow) + 1;
        Read(files, files.MaxShuffleWindow, Epochs).Should().BeInRange(Epochs * Groups, Epochs * (Groups + windows));
        using ParquetImageFiles again = ParquetImageFiles.Open("the test", [path], options);
        Read(again, 4 * files.MaxShuffleWindow, epochs: 1).Should().BeGreaterThan(Groups * 10);

        static int Read(ParquetImageFiles files, int window, int epochs)
        {
            BlockOrder order = new(new SeedStream(4), files.GroupSizes, window);
            ArrayBufferWriter<byte> bytes = new();
            for (long position = 0; position < epochs * order.EpochLength; position++)
            {
                bytes.ResetWrittenCount();
                long index = order.IndexAt(position);
                files.Read(index, bytes, TestContext.Current.CancellationToken);
                bytes.WrittenSpan[^2..].SequenceEqual([(byte)(index / Small), (byte)(index % Small)]).Should().BeTrue();
            }

            return files.Cache.Loads;
        }
    }

    [Fact]
    public void The_size_of_a_window_counts_the_densest_row_groups_and_both_ends()
    {
        WindowRoom room = Room([(10, 100L), (10, 900), (5, 300), (10, 0)]);
        room.BytesFor(8).Should().Be(1300,
            "9 images, of which one is held out, are of the third and the second, and all there is takes no more");
        Room([(10, 100L), (10, 100), (10, 100), (10, 100), (10, 100)]).BytesFor(16).Should().Be(400);
        room.MaxWindow(1300).Should().Be(35);
        room.MaxWindow(1299).Should().Be(1);
        WindowRoom even = Room(Enumerable.Repeat((10, 100L), 20));
        for (long bytes = 300; bytes < 2000; bytes += 70)
        {
            even.BytesFor(even.MaxWindow(bytes)).Should().BeLessThanOrEqualTo(bytes);
        }
    }

    [Theory]
    [InlineData(1, 64, 1)]
    [InlineData(200, 64, 3.567)]
    [InlineData(200, 8, 2)]
    [InlineData(200, 2, 0.5)]
    public void By_default_the_cache_fits_the_default_window_up_to_a_quarter_of_the_memory(int imageKilobytes, int memory,
        double expected)
    {
        WindowRoom room = Room(Enumerable.Repeat((100, 100L * imageKilobytes * 1024), 10_000));
        ((double)room.Default((long)memory << 30) / (1L << 30)).Should().BeApproximately(expected, 0.001);
    }

    private static WindowRoom Room(IEnumerable<(int Rows, long Bytes)> groups) =>
        new([.. groups.Select((group, number) => new ParquetGroup(null!, number, group.Rows, group.Bytes, null))]);
}
