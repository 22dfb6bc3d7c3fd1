using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class RemoteShardsTests : IDisposable
{
    private const string Names = "shard-{000000..000002}.tar";

    private readonly ShardFolder folder = new();
    private readonly FetchTime time = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Shards_of_a_server_that_drops_and_is_busy_are_read_whole_and_fetched_once(bool indexes)
    {
        folder.Write(25, perShard: 10);
        Dictionary<string, int> asked = [];
        using ScriptedServer server = new((request, _) => Answer(request, indexes, asked));
        string pattern = server.Address(string.Empty) + Names;
        using (ShardedImages images = Open(pattern))
        {
            (images.Count, images.ClassCount).Should().Be((25, 3));
            images.GroupSizes.Should().Equal(10, 10, 5);
            server.Requests.Any(RemoteShard.IsOfBytes).Should().Be(!indexes, "an index says enough to begin");
            ReadAll(images);
        }

        server.Requests.Where(request => request.Path.EndsWith(".index", StringComparison.Ordinal)).Should()
            .OnlyHaveUniqueItems().And.HaveCount(3);
        time.Waits.Should().Contain(TimeSpan.FromSeconds(30), "the busy server asked for that");

        int requests = server.Requests.Count;
        using ShardedImages again = Open(pattern);
        ReadAll(again);
        server.Requests.Skip(requests).Should()
            .HaveCount(3).And.OnlyContain(request => RemoteShard.IsProbe(request), "all of it is in the cache folder");
    }

    [Fact]
    public void A_shard_missing_on_the_server_is_always_an_error()
    {
        folder.Write(25, perShard: 10);
        using ScriptedServer server = new((request, _) => request.Path.Contains("000001")
            ? new ServerReply { Status = 404 }
            : File(request.Path).Answer(request));
        string pattern = server.Address(string.Empty) + Names;
        FluentActions.Invoking(() => Open(pattern)).Should().Throw<ImageDataException>()
            .WithMessage("*1 of 3 shards cannot be read*shard-000001.tar*404*");
        FluentActions.Invoking(() => Open(pattern, leaveOut: true)).Should().Throw<ImageDataException>()
            .WithMessage("*1 of 3 shards cannot be read*");
    }

    [Fact]
    public void An_index_of_another_version_of_the_shard_is_not_used()
    {
        folder.Write(10, perShard: 10);
        byte[] stale = System.IO.File.ReadAllBytes(folder.PathOf("shards", "shard-000000.tar.index"));
        Directory.Delete(folder.PathOf("shards"), recursive: true);
        using (ShardWriter writer = new(folder.PathOf("shards", "x")[..^2]))
        {
            for (int i = 0; i < 10; i++)
            {
                writer.Write($"{i:D6}", new Dictionary<string,
                    byte[]> { ["a"] = new byte[600], ["cls"] = [(byte)'0'], ["png"] = ShardFolder.Image(100 + i) });
            }

            writer.Finish();
        }

        using ScriptedServer server = new((request, _) => request.Path.EndsWith(".index", StringComparison.Ordinal)
            ? new ServedFile(stale).Answer(request)
            : File(request.Path).Answer(request));
        using ShardedImages images = Open(server.Address("shard-000000.tar").ToString());
        Enumerable.Range(0, 10).Should().OnlyContain(i => ShardFolder.Read(images, i)[0] == 100 + i && images.LabelOf(i) == 0);
    }

    [Fact]
    public async Task A_wait_for_a_stalled_server_can_be_canceled_and_the_loader_disposed()
    {
        folder.Write(25, perShard: 10);
        using ScriptedServer server = new((request, _) => File(request.Path).Answer(request) with
        {
            DropAfter = request.Path == "/shard-000001.tar" && !RemoteShard.IsProbe(request) ? 3000 : null,
            Stall = request.Path == "/shard-000001.tar" && !RemoteShard.IsProbe(request),
        });
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        server.Stalled = stop.Cancel;
        await Task.Run(() =>
        {
            using ShardedImages images = Open(server.Address(string.Empty) + Names);
            foreach (int workers in (int[])[1, 0])
            {
                using BatchLoader loader = new(
                    images, new SampleOrder(new SeedStream(1), 25), new BatchPlan { StepSize = 25, BatchSize = 25 }, new SeedStream(1),
                        new LoadingOptions { Workers = workers });
                FluentActions.Invoking(() => loader.Next(stop.Token)).Should().Throw<OperationCanceledException>();
            }
        }, CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_failing_server_is_asked_once_per_shard_not_once_per_image()
    {
        folder.Write(25, perShard: 10);
        using ScriptedServer server = new((request, _) => request.Path == "/shard-000001.tar" && !RemoteShard.IsProbe(request)
            ? new ServerReply { Status = 503 }
            : File(request.Path).Answer(request));
        using ShardedImages images = Open(server.Address(string.Empty) + Names);
        int bad = 0;
        using (BatchLoader loader = new(
            images, new SampleOrder(new SeedStream(1), 25), new BatchPlan { StepSize = 25, BatchSize = 25 }, new SeedStream(1),
            new LoadingOptions { Workers = 1, BadImages = BadImagePolicy.Skip }, onBadImage: _ => bad++))
        {
            loader.Next(TestContext.Current.CancellationToken).Dispose();
        }

        bad.Should().Be(10);
        int requests = server.Requests.Count(request => request.Path == "/shard-000001.tar" && !RemoteShard.IsProbe(request));
        int attempts = new RemoteFileOptions { Folder = folder.Path }.Attempts;
        requests.Should().BeInRange(attempts, 3 * attempts, "at most three parts of the shard are asked for at a time");

        // After another minute it is tried again.
        time.Passed = TimeSpan.FromMinutes(1);
        FluentActions.Invoking(() => ShardFolder.Read(images, 10)).Should().Throw<ImageDataException>();
        server.Requests.Count(request => request.Path == "/shard-000001.tar" && !RemoteShard.IsProbe(request)).Should()
            .BeGreaterThan(requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_shard_beyond_the_cache_limit_is_rejected_before_the_disk_is_full(bool chunked)
    {
        folder.Write(25, perShard: 25);
        using ScriptedServer server = new((request, _) => request.Path.EndsWith(".index", StringComparison.Ordinal)
            ? new ServerReply { Status = 404 }
            : File(request.Path).Answer(request) with { Chunked = chunked });
        FluentActions.Invoking(() => Open(server.Address("shard-000000.tar").ToString(), cacheLimit: 20_000)).Should()
            .Throw<ImageDataException>()
            .WithMessage("*more than the limit of 20000 bytes*");
        server.Requests.Should().HaveCount(2);
    }

    private static void ReadAll(ShardedImages images) =>
        Enumerable.Range(0, 25).Should()
            .OnlyContain(i => ShardFolder.Read(images, i).All(value => value == i) && images.LabelOf(i) == i % 3);

    // The connection for the first shard drops twice; the second shard is not available at first.
    private ServerReply Answer(ServerRequest request, bool indexes, Dictionary<string, int> asked)
    {
        asked[request.Path] = asked.GetValueOrDefault(request.Path) + 1;
        return (request.Path, asked[request.Path]) switch
        {
            ("/shard-000000.tar", <= 2) => File(request.Path).Answer(request) with { DropAfter = 5000 },
            ("/shard-000001.tar", 1) => new ServerReply { Status = 503, Headers = ["Retry-After: 30"] },
            _ when request.Path.EndsWith(".index", StringComparison.Ordinal) && !indexes => new ServerReply { Status = 404 },
            _ => File(request.Path).Answer(request),
        };
    }

    private ServedFile File(string path) => new(System.IO.File.ReadAllBytes(folder.PathOf("shards", path[1..])));

    private ShardedImages Open(string pattern, bool leaveOut = false, long cacheLimit = 1 << 30)
    {
        ShardOptions options = folder.Options with
        {
            SkipDamaged = leaveOut,
            RemoteCacheLimit = cacheLimit,
            Fetching = new RemoteFileOptions { Folder = folder.Path, StallTimeout = FetchTime.Stall, Time = time },
        };
        return ShardedImages.Open(pattern, ShardFolder.Preparation, options, TestContext.Current.CancellationToken);
    }
}
