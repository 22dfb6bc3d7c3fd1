using System.IO.Compression;
using System.Text;

namespace Diffusion.Data.Tests.Shards;

public sealed class ShardedImagesTests : IDisposable
{
    private readonly ShardFolder folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Written_shards_are_read_in_order_with_labels_and_names()
    {
        folder.Write(25, perShard: 10);
        using ShardedImages images = Open(Shards);
        (images.Count, images.ClassCount, images.IsInMemory).Should().Be((25, 3, false));
        images.GroupSizes.Should().Equal(10, 10, 5);
        Enumerable.Range(0, 25).Should()
            .OnlyContain(i => ShardFolder.Read(images, i).All(value => value == i) && images.LabelOf(i) == i % 3);
        images.NameOf(17).Should().MatchRegex("shard-000001.tar, sample 000017, byte [0-9]+$");
        images.Report.Skipped.Should().BeEmpty();
    }

    [Fact]
    public void Shards_of_GNU_tar_without_an_index_are_scanned_once()
    {
        Unpacked(12);
        GnuTar.Run(folder.PathOf("in", "x")[..^2], "--create", "--sort=name", "--file=../a.tar", ".");
        ShardOptions options = folder.Options with { Fetching = new RemoteFileOptions { Folder = string.Empty,
            Time = new LaterTime(TimeSpan.FromSeconds(3)) } };
        using (ShardedImages images = Open(folder.PathOf("a.tar"), options))
        {
            Enumerable.Range(0, 12).Should().OnlyContain(i => ShardFolder.Read(images, i)[0] == i && images.LabelOf(i) == i % 3);
        }

        Directory.GetFiles(folder.Options.CacheFolder, "*.index").Should().ContainSingle();
        File.Exists(folder.PathOf("a.tar.index")).Should().BeFalse("nobody asked to write into the folder of the shards");
        DateTime first = File.GetLastWriteTimeUtc(Directory.GetFiles(folder.Options.CacheFolder, "*.index")[0]);
        Open(folder.PathOf("a.tar"), options).Dispose();
        File.GetLastWriteTimeUtc(Directory.GetFiles(folder.Options.CacheFolder, "*.index")[0]).Should().Be(first);
    }

    [Fact]
    public void A_gzip_shard_is_unpacked_once_within_a_limit()
    {
        folder.Write(7, perShard: 10);
        string packed = folder.PathOf("packed", "a.tar.gz");
        using (FileStream target = File.Create(packed))
        using (GZipStream gzip = new(target, CompressionLevel.Fastest))
        {
            gzip.Write(File.ReadAllBytes(folder.PathOf("shards", "shard-000000.tar")));
        }

        ((Action)(() => Open(packed, folder.Options with { MaxUnpackedBytes = 5000 }))).Should().Throw<ImageDataException>()
            .WithMessage("*unpacks to more than 5000 bytes*");
        using ShardedImages images = Open(packed);
        Enumerable.Range(0, 7).Should().OnlyContain(i => ShardFolder.Read(images, i)[0] == i);
        Directory.GetFiles(folder.Options.CacheFolder).Select(Path.GetExtension).Should().BeEquivalentTo(".tar", ".index", ".unpacked");

        File.WriteAllBytes(packed, File.ReadAllBytes(packed)[..^40]);
        ((Action)(() => Open(packed))).Should().Throw<ImageDataException>().WithMessage("*a.tar.gz*");
        Directory.GetFiles(folder.Options.CacheFolder, "*.tar").Should().BeEmpty("neither what came before nor a damaged copy is kept");
    }

    [Fact]
    public void A_changed_shard_is_scanned_again_and_a_damaged_index_is_recreated()
    {
        folder.Write(6, perShard: 10);
        string index = folder.PathOf("shards", "shard-000000.tar.index");
        byte[] good = File.ReadAllBytes(index);
        for (int place = 0; place < good.Length; place++)
        {
            byte[] bad = [.. good];
            bad[place] ^= 0x10;
            ShardIndex.TryRead(bad).Should().BeNull();
            ShardIndex.TryRead(good.AsSpan(0, place)).Should().BeNull();
        }

        ShardIndex.TryRead(good)!.Samples.Should().HaveCount(6);
        File.WriteAllBytes(index, good[..^3]);
        using (ShardedImages images = Open(Shards))
        {
            images.Count.Should().Be(6);
            ShardFolder.Read(images, 5)[0].Should().Be(5);
        }

        // Other samples under the old name: the index next to the shard is outdated.
        File.WriteAllBytes(index, good);
        File.Delete(folder.PathOf("shards", "shard-000000.tar"));
        GnuTar.Run(Unpacked(9), "--create", "--sort=name", $"--file={folder.PathOf("shards", "shard-000000.tar")}", ".");
        using ShardedImages changed = Open(Shards);
        changed.Count.Should().Be(9);
    }

    [Fact]
    public void Where_and_Map_select_samples_images_and_labels()
    {
        folder.Write(20, perShard: 7);
        using ShardedImages odd = Open(Shards, folder.Options with
        {
            Where = sample => int.Parse(sample.Key) % 2 == 1 && sample.Extensions.SequenceEqual(["cls", "png"]),
            Map = sample => ("png", int.Parse(sample.Key) >= 10 ? 1 : 0),
        });
        (odd.Count, odd.ClassCount).Should().Be((10, 2));
        Enumerable.Range(0, 10).Should().OnlyContain(i => ShardFolder.Read(odd, i)[0] == (2 * i) + 1 && odd.LabelOf(i) == i / 5);

        using ShardedImages byText = Open(Shards, folder.Options with { Where = sample => sample.ReadText("cls") == "2", ClassCount = 5 });
        (byText.Count, byText.ClassCount).Should().Be((6, 5));
        ((Action)(() => Open(Shards, folder.Options with { Where = _ => false }))).Should().Throw<ImageDataException>()
            .WithMessage("*no samples that Where selects*");
        ((Action)(() => Open(Shards, folder.Options with { Map = _ => ("jpg", 0) }))).Should().Throw<ImageDataException>()
            .WithMessage("*Map returned its file*'.jpg'*only cls, png*");
    }

    [Fact]
    public void Exceptions_of_Where_are_passed_on_and_opening_can_be_canceled()
    {
        folder.Write(20, perShard: 2);
        ((Action)(() => Open(Shards, folder.Options with { Where = _ => throw new InvalidTimeZoneException("mine") }))).Should()
            .Throw<InvalidTimeZoneException>();
        using CancellationTokenSource stop = new();
        ShardOptions options = folder.Options with
        {
            Where = _ =>
            {
                stop.Cancel();
                throw new TaskCanceledException();
            },
        };
        ((Action)(() => ShardedImages.Open(Shards, ShardFolder.Preparation, options, stop.Token))).Should()
            .Throw<OperationCanceledException>();
    }

    [Theory]
    [InlineData("{\"label\": 2}", 2)]
    [InlineData("{\"cls\": 1, \"caption\": \"a dog\"}", 1)]
    public void Labels_come_from_json_too(string json, int label)
    {
        using (ShardWriter writer = new(folder.PathOf("shards", "x")[..^2]))
        {
            writer.Write("a", new Dictionary<string, byte[]> { ["png"] = ShardFolder.Image(1), ["json"] = Encoding.UTF8.GetBytes(json) });
            writer.Finish();
        }

        using ShardedImages images = Open(Shards);
        (images.LabelOf(0), images.ClassCount).Should().Be((label, label + 1));
    }

    [Fact]
    public void Many_threads_and_many_shards_read_what_one_thread_reads()
    {
        folder.Write(200, perShard: 2);
        using ShardedImages images = Open(Shards);
        Parallel.For(0, 4000, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token }, i =>
        {
            long index = i * 7919L % 200;
            ShardFolder.Read(images, index)[0].Should().Be((byte)index);
        });
    }

    [Fact]
    public void A_loader_over_shards_resumes_anywhere_and_reads_every_image_once_per_epoch()
    {
        folder.Write(60, perShard: 7);
        using ShardedImages images = Open(Shards);
        SeedStream seeds = new(1);
        BlockOrder order = new(seeds, images.GroupSizes!, window: 20);
        List<int> Pixels(long start, int batches)
        {
            using BatchLoader loader = new(images, order, new BatchPlan { StepSize = 4, BatchSize = 4, Start = start }, seeds,
                new LoadingOptions { Workers = 2 });
            List<int> seen = [];
            for (int i = 0; i < batches; i++)
            {
                using ImageBatch batch = loader.Next(Token);
                seen.AddRange(batch.Pixels.data<float>().ToArray().Chunk(16).Select(image => (int)Math.Round((image[0] + 1) * 127.5)));
            }

            return seen;
        }

        List<int> whole = Pixels(0, 30);
        whole.Take(60).Should().BeEquivalentTo(Enumerable.Range(0, 60));
        whole.Skip(60).Should().BeEquivalentTo(Enumerable.Range(0, 60)).And.NotEqual(whole.Take(60));
        Pixels(37, 5).Should().Equal(whole.Skip(37).Take(20));
    }

    private string Shards => folder.PathOf("shards", "x")[..^2];

    private ShardedImages Open(string pattern, ShardOptions? options = null) =>
        ShardedImages.Open(pattern, ShardFolder.Preparation, options ?? folder.Options, Token);

    private string Unpacked(int samples)
    {
        for (int i = 0; i < samples; i++)
        {
            File.WriteAllBytes(folder.PathOf("in", $"{i:D6}.png"), ShardFolder.Image(i));
            File.WriteAllText(folder.PathOf("in", $"{i:D6}.cls"), $"{i % 3}\n");
        }

        return folder.PathOf("in", "x")[..^2];
    }
}
