using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class RemoteFileCacheTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FetchTime time = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_complete_copy_is_fetched_once_and_found_again_by_others()
    {
        using ScriptedServer server = new((request, _) => Served(request).Answer(request));
        for (int i = 0; i < 3; i++)
        {
            using RemoteFileCache cache = new(Options());
            Read(cache, server, "1").Should().Equal(Served("/1").Content);
            Read(cache, server, "1?x").Should().Equal(Served("/1?x").Content);
        }

        server.Requests.Select(request => request.Path).Should().Equal("/1", "/1?x");
    }

    [Fact]
    public void A_copy_with_a_wrong_length_is_fetched_again()
    {
        using ScriptedServer server = new((request, _) => Served(request).Answer(request));
        using RemoteFileCache cache = new(Options());
        Read(cache, server, "1");
        string copy = Copies().Single();
        File.WriteAllBytes(copy, File.ReadAllBytes(copy)[1..]);
        Read(cache, server, "1").Should().Equal(Served("/1").Content);
        File.WriteAllText(copy + ".info", "what");
        Read(cache, server, "1").Should().Equal(Served("/1").Content);
        File.Delete(copy + ".info");
        Read(cache, server, "1").Should().Equal(Served("/1").Content);
        server.Requests.Should().HaveCount(4);
    }

    [Fact]
    public void A_partial_file_of_a_killed_process_is_fetched_again()
    {
        using ScriptedServer server = new((request, _) => Served(request).Answer(request));
        using RemoteFileCache cache = new(Options());
        Read(cache, server, "1");
        string copy = Copies().Single();
        File.Move(copy, copy + ".part");
        Read(cache, server, "1").Should().Equal(Served("/1").Content);
        server.Requests.Select(request => request.From).Should().Equal([null, null]);
        File.Exists(copy + ".part").Should().BeFalse();
    }

    [Fact]
    public void The_least_recently_used_copy_is_deleted_first_but_none_in_use()
    {
        using ScriptedServer server = new((request, _) => Served(request).Answer(request));
        using RemoteFileCache cache = new(Options(3 * 1000));
        using CachedFile held = cache.Fetch(server.Address("0"), new FetchRequest(long.MaxValue), TestContext.Current.CancellationToken);
        foreach (string path in new[] { "1", "2", "1", "3", "1", "2" })
        {
            Read(cache, server, path).Should().Equal(Served("/" + path).Content);
            Copies().Sum(copy => new FileInfo(copy).Length).Should().BeLessThanOrEqualTo(3000);
        }

        server.Requests.Select(request => request.Path).Should().Equal("/0", "/1", "/2", "/3", "/2");
        File.ReadAllBytes(held.Path).Should().Equal(Served("/0").Content);
    }

    [Fact]
    public void The_unfinished_file_of_a_killed_process_is_deleted_after_a_day()
    {
        string unfinished = folder.File($".{Guid.NewGuid():N}.tmp");
        string recent = folder.File($".{Guid.NewGuid():N}.tmp");
        using ScriptedServer server = new((request, _) => Served(request).Answer(request));
        using RemoteFileCache cache = new(Options());
        File.WriteAllBytes(unfinished, new byte[10]);
        File.WriteAllBytes(recent, new byte[10]);
        File.SetLastWriteTimeUtc(unfinished, time.GetUtcNow().UtcDateTime.AddDays(-2));
        File.SetLastWriteTimeUtc(recent, time.GetUtcNow().UtcDateTime);
        Read(cache, server, "1").Should().Equal(Served("/1").Content);
        (File.Exists(unfinished), File.Exists(recent)).Should().Be((false, true));
    }

    [Fact]
    public void Copies_in_use_are_kept_beyond_the_limit_until_they_are_released()
    {
        using ScriptedServer server = new((request, _) => Served(request).Answer(request));
        using RemoteFileCache cache = new(Options(0));
        using RemoteFileCache other = new(Options(0));
        using (CachedFile first = cache.Fetch(server.Address("1"), new FetchRequest(long.MaxValue), TestContext.Current.CancellationToken))
        using (CachedFile second = other.Fetch(server.Address("2"), new FetchRequest(long.MaxValue), TestContext.Current.CancellationToken))
        {
            File.ReadAllBytes(first.Path).Should().Equal(Served("/1").Content);
            File.ReadAllBytes(second.Path).Should().Equal(Served("/2").Content);
        }

        Read(cache, server, "3").Should().Equal(Served("/3").Content);
        Copies().Should().ContainSingle().Which.Should().Match(copy => File.ReadAllBytes(copy).SequenceEqual(Served("/3").Content));
    }

    [Fact]
    public void Threads_and_caches_share_one_fetch_of_a_file()
    {
        using ScriptedServer server = new((request, n) => n == 0
            ? Served(request).Answer(request) with { DropAfter = 500 }
            : Served(request).Answer(request));
        using RemoteFileCache one = new(Options());
        using RemoteFileCache two = new(Options());
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken },
            i =>
            Read(i % 2 == 0 ? one : two, server, "1").Should().Equal(Served("/1").Content));
        server.Requests.Select(request => request.From).Should().Equal(null, 500);
    }

    [Fact]
    public void Many_threads_with_a_small_cache_get_the_right_files()
    {
        using ScriptedServer server = new((request, _) => Served(request).Answer(request));
        using RemoteFileCache one = new(Options(2500));
        using RemoteFileCache two = new(Options(2500));
        Parallel.For(0, 60, new ParallelOptions { MaxDegreeOfParallelism = 6, CancellationToken = TestContext.Current.CancellationToken },
            i =>
            Read(i % 2 == 0 ? one : two, server, $"{i * 7 % 5}").Should().Equal(Served($"/{i * 7 % 5}").Content));
    }

    [Fact]
    public void Invalid_options_are_rejected()
    {
        foreach (RemoteFileOptions options in new[] { Options(-1), Options() with { Attempts = 0 },
            Options() with { StallTimeout = TimeSpan.Zero }, Options() with { MaxDelay = TimeSpan.Zero } })
        {
            ((Action)(() => _ = new RemoteFileCache(options))).Should().Throw<ArgumentOutOfRangeException>();
        }
    }

    private static ServedFile Served(ServerRequest request) => Served(request.Path);

    private static ServedFile Served(string path) => ServedFile.Drawn(1000, path.Sum(letter => letter));

    private static byte[] Read(RemoteFileCache cache, ScriptedServer server, string path)
    {
        using CachedFile copy = cache.Fetch(server.Address(path), new FetchRequest(long.MaxValue), TestContext.Current.CancellationToken);
        return File.ReadAllBytes(copy.Path);
    }

    private IEnumerable<string> Copies() => Directory.GetFiles(folder.Path).Where(file => !Path.HasExtension(file));

    private RemoteFileOptions Options(long bytes = 1 << 20) =>
        new() { Folder = folder.Path, CacheBytes = bytes, StallTimeout = FetchTime.Stall, Time = time };
}
