using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Data.Shards;

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
            server.Requests.Any(request => request.Path.EndsWith(".tar", StringComparison.Ordinal)).Should().Be(!indexes, "an index says enough to begin");
            ReadAll(images);
        }

        string[] whole = [.. server.Requests.Where(request => request.From is null).Select(request => request.Path)];
        whole.Where(path => path.EndsWith(".tar", StringComparison.Ordinal)).Should().BeEquivalentTo(
            "/shard-000000.tar", "/shard-000001.tar", "/shard-000001.tar", "/shard-000002.tar"); // the second answered 503 first
        whole.Where(path => path.EndsWith(".index", StringComparison.Ordinal)).Should().OnlyHaveUniqueItems().And.HaveCount(3);
        time.Waits.Should().Contain(TimeSpan.FromSeconds(30), "the busy server asked for that");

        int requests = server.Requests.Count;
        using ShardedImages again = Open(pattern);
        ReadAll(again);
        server.Requests.Should().HaveCount(requests, "all of it lies in the cache folder");
    }

    [Fact]
    public void A_shard_that_the_server_does_not_have_is_named_or_left_out()
    {
        folder.Write(25, perShard: 10);
        using ScriptedServer server = new((request, _) => request.Path.Contains("000001") ? new ServerReply { Status = 404 } : File(request.Path).Answer(request));
        string pattern = server.Address(string.Empty) + Names;
        FluentActions.Invoking(() => Open(pattern)).Should().Throw<ImageDataException>().WithMessage("*1 of 3 shards*shard-000001.tar*404*");
        using ShardedImages images = Open(pattern, leaveOut: true);
        (images.Count, images.Damaged.Count).Should().Be((15, 1));
    }

    private static void ReadAll(ShardedImages images) =>
        Enumerable.Range(0, 25).Should().OnlyContain(i => ShardFolder.Read(images, i).All(value => value == i) && images.LabelOf(i) == i % 3);

    // The first shard breaks off twice, the second is not to be had at once.
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

    private ShardedImages Open(string pattern, bool leaveOut = false)
    {
        ShardOptions options = folder.Options with
        {
            LeaveOutDamaged = leaveOut,
            Fetching = new RemoteFileOptions { Folder = folder.Path, StallTimeout = FetchTime.Stall, Time = time },
        };
        return ShardedImages.Open(pattern, ShardFolder.Preparation, options, TestContext.Current.CancellationToken);
    }
}
