using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class RemoteFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FetchTime time = new();
    private readonly ServedFile file = ServedFile.Drawn(50_000, seed: 1);

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(700_001)]
    public void A_file_is_fetched_with_one_request(int length)
    {
        ServedFile served = ServedFile.Drawn(length, seed: 2);
        using ScriptedServer server = new((request, _) => served.Answer(request));
        Fetch(server).Should().Equal(served.Content);
        server.Requests.Should().Equal(new ServerRequest("/a.tar", null, null));
        time.Waits.Should().BeEmpty();
    }

    [Theory]
    [InlineData("\"1\"", null, "\"1\"")]
    [InlineData(null, "Tue, 01 Jan 2030 00:00:00 GMT", "Tue, 01 Jan 2030 00:00:00 GMT")]
    [InlineData("W/\"1\"", "Tue, 01 Jan 2030 00:00:00 GMT", "Tue, 01 Jan 2030 00:00:00 GMT")]
    public void After_a_dropped_connection_it_continues_where_it_stopped(string? tag, string? changed, string condition)
    {
        ServedFile served = file with { Tag = tag, Changed = changed };
        using ScriptedServer server = new((request, n) => n < 2
            ? served.Answer(request) with { DropAfter = 15_000 }
            : served.Answer(request));
        Fetch(server).Should().Equal(file.Content);
        server.Requests.Should().Equal(
            new ServerRequest("/a.tar", null, null), new ServerRequest("/a.tar", 15_000, condition),
                new ServerRequest("/a.tar", 30_000, condition));
        server.BodyBytes.Should().Be(50_000);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("W/\"1\"")]
    public void Without_a_reliable_version_it_restarts(string? tag)
    {
        ServedFile served = file with { Tag = tag };
        using ScriptedServer server = new((request, n) => n == 0
            ? served.Answer(request) with { DropAfter = 15_000 }
            : served.Answer(request));
        Fetch(server).Should().Equal(file.Content);
        server.Requests.Should().Equal(new ServerRequest("/a.tar", null, null), new ServerRequest("/a.tar", null, null));
    }

    [Fact]
    public void After_a_stall_timeout_it_continues()
    {
        using ScriptedServer server = new((request, n) => n < 2
            ? file.Answer(request) with { DropAfter = n * 10_000, Stall = true }
            : file.Answer(request));
        server.Stalled = time.EndStall;
        Fetch(server).Should().Equal(file.Content);
        server.Requests.Should().HaveCount(3);
    }

    [Fact]
    public void A_chunked_response_is_read_to_its_end_and_continues_after_a_drop()
    {
        using ScriptedServer server = new((request, n) => n == 0
            ? file.Answer(request) with { Chunked = true, DropAfter = 20_000 }
            : file.Answer(request) with { Chunked = true });
        Fetch(server).Should().Equal(file.Content);
        server.Requests.Select(request => request.From).Should().Equal(null, 20_000);
    }

    [Fact]
    public void A_server_without_Range_sends_everything_again()
    {
        using ScriptedServer server = new((_, n) => n == 0 ? file.Whole() with { DropAfter = 49_000 } : file.Whole());
        Fetch(server).Should().Equal(file.Content);
        server.Requests.Select(request => request.From).Should().Equal(null, 49_000);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Versions_of_a_changing_file_are_never_mixed(bool heedsIfRange)
    {
        ServedFile other = ServedFile.Drawn(50_000, seed: 3, tag: "\"2\"");
        using ScriptedServer server = new((request, n) => n switch
        {
            0 => file.Whole() with { DropAfter = 30_000 },
            1 when !heedsIfRange => other.Part(30_000),
            _ => other.Answer(request),
        });
        Fetch(server).Should().Equal(other.Content);
        server.Requests.Should().HaveCount(heedsIfRange ? 2 : 3);
        Directory.GetFiles(folder.Path, "*.info").Should().ContainSingle().Which.Should()
            .Match(info => File.ReadAllText(info).Contains("50000\n\"2\"\n"));
    }

    [Fact]
    public void A_wrong_part_or_length_restarts_the_fetch()
    {
        ServedFile longer = new([.. file.Content, 1]);
        using ScriptedServer server = new((request, n) => n switch
        {
            0 or 2 or 4 => file.Whole() with { DropAfter = 30_000 },
            1 => file.Part(30_001),
            3 => longer.Part(30_000),
            5 => file.Part(30_000) with { Headers = ["ETag: \"1\""] },
            _ => file.Answer(request),
        });
        Fetch(server, attempts: 10).Should().Equal(file.Content);
        server.Requests.Select(request => request.From).Should().Equal(null, 30_000, null, 30_000, null, 30_000, null);
    }

    [Fact]
    public void A_wrong_length_is_detected()
    {
        using ScriptedServer server = new((request, n) => n switch
        {
            0 => file.Whole() with { ClaimedLength = 50_007 },
            1 => file.Answer(request),
            2 => file.Whole() with { DropAfter = 10_000 },
            3 => file.Part(10_000) with { Body = file.Content[10_000..20_000] },
            _ => file.Answer(request),
        });
        Fetch(server).Should().Equal(file.Content);
        server.Requests.Select(request => request.From).Should().Equal(null, 50_000, null, 10_000, 20_000);
    }

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public void A_busy_server_is_retried_after_the_delay_that_it_asks_for(int status)
    {
        using ScriptedServer server = new((request, n) => n switch
        {
            0 => new ServerReply { Status = status, Headers = ["Retry-After: 30"] },
            1 => new ServerReply { Status = status, Headers = [$"Retry-After: {DateTimeOffset.UnixEpoch.AddYears(50).AddMinutes(2):R}"] },
            2 => new ServerReply { Status = status, Headers = ["Retry-After: 86400"] },
            3 => new ServerReply { Status = status },
            _ => file.Answer(request),
        });
        Fetch(server).Should().Equal(file.Content);
        server.Requests.Should().HaveCount(5);
        time.Waits.Should().HaveCount(4);
        time.Waits[0].Should().Be(TimeSpan.FromSeconds(30));
        time.Waits[1].Should().BeGreaterThan(TimeSpan.FromSeconds(100)).And.BeLessThanOrEqualTo(TimeSpan.FromSeconds(120));
        time.Waits[2].Should().Be(TimeSpan.FromMinutes(10));
        time.Waits[3].Should().BeGreaterThan(TimeSpan.FromSeconds(8)).And.BeLessThanOrEqualTo(TimeSpan.FromSeconds(16));
    }

    [Theory]
    [InlineData("banana banana banana\r\n\r\n")]
    [InlineData("HTTP/1.1 banana\r\nContent-Length: x\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nno colon here\r\n\r\n12345")]
    [InlineData("")]
    public void An_invalid_HTTP_response_is_retried(string raw)
    {
        using ScriptedServer server = new((request, n) => n < 3 ? new ServerReply { Raw = raw } : file.Answer(request));
        Fetch(server).Should().Equal(file.Content);
        server.Requests.Should().HaveCount(4);
    }

    private byte[] Fetch(ScriptedServer server, int attempts = 8)
    {
        using RemoteFileCache cache = new(Options(attempts));
        using CachedFile copy = cache.Fetch(
            server.Address("a.tar"), new FetchRequest(long.MaxValue), TestContext.Current.CancellationToken);
        return File.ReadAllBytes(copy.Path);
    }

    private RemoteFileOptions Options(int attempts = 8) =>
        new() { Folder = folder.Path, Attempts = attempts, StallTimeout = FetchTime.Stall, Time = time };
}
