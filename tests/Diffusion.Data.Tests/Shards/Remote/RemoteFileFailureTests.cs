using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class RemoteFileFailureTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FetchTime time = new();
    private readonly ServedFile file = ServedFile.Drawn(50_000, seed: 1);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void It_gives_up_after_several_requests_without_a_new_byte_and_reports_why()
    {
        using ScriptedServer server = new((request, n) => n == 0
            ? file.Answer(request) with { DropAfter = 20_000 }
            : new ServerReply { Status = 502 });
        string message = Failure(() => Fetch(server, attempts: 3, query: "?token=pa55")).Message;
        server.Requests.Should().HaveCount(4);
        message.Should().Be(
            $"{server.Address("a.tar")}: gave up after 4 requests, the last 3 of which brought no new data; "
            + "the last request failed because the server answered 502 (Said). "
            + "20000 of 50000 bytes had arrived. Check the network and run again.");
        Directory.GetFiles(folder.Path).Should().OnlyContain(left => left.EndsWith(".lock"));
    }

    [Fact]
    public void A_server_that_always_disconnects_at_the_same_place_is_given_up()
    {
        using ScriptedServer server = new((_, _) => file.Whole() with { DropAfter = 20_000 });
        Failure(() => Fetch(server, attempts: 3)).Message.Should().Contain("gave up after 4 requests");
        time.Waits.Should().BeInAscendingOrder().And.HaveCount(3);
    }

    [Theory]
    [InlineData(404)]
    [InlineData(403)]
    [InlineData(401)]
    [InlineData(304)]
    public void A_refusal_fails_immediately(int status)
    {
        using ScriptedServer server = new((_, _) => new ServerReply { Status = status });
        Failure(() => Fetch(server, query: "?token=pa55")).Message.Should()
            .StartWith($"{server.Address("a.tar")}: the server answered {status}").And.NotContain("pa55");
        server.Requests.Should().HaveCount(1);
    }

    [Fact]
    public void Ten_redirects_are_followed_but_not_an_eleventh()
    {
        int length = 10;
        using ScriptedServer server = new((request, n) =>
            n < length ? new ServerReply { Status = 302, Headers = [$"Location: /{n}"] } : file.Answer(request));
        Fetch(server).Should().Equal(file.Content);
        server.Requests.Should().HaveCount(11);
        length = int.MaxValue;
        Failure(() => Fetch(server, query: "?again")).Message.Should().Contain("302").And.Contain("not followed");
    }

    [Fact]
    public void An_unreachable_address_is_an_error_without_secrets()
    {
        Uri address;
        using (ScriptedServer server = new((_, _) => new ServerReply()))
        {
            address = server.Address("a.tar?token=pa55");
        }

        using RemoteFileCache cache = new(Options(attempts: 2));
        Uri guarded = new(address.AbsoluteUri.Replace("http://", "http://user:pa55@", StringComparison.Ordinal));
        Failure(() => cache.Fetch(guarded, new FetchRequest(long.MaxValue), TestContext.Current.CancellationToken)).ToString().Should()
            .NotContain("pa55").And.Contain("gave up after 2 requests");
        ((Action)(() => cache.Fetch(new Uri("ftp://user:pa55@host/a"), new FetchRequest(long.MaxValue),
            TestContext.Current.CancellationToken)))
            .Should().Throw<ArgumentException>().WithMessage("The address is ftp://host/a, but must begin with http:// or https://*");
        ((Action)(() => cache.Fetch(new Uri("a.tar", UriKind.Relative), new FetchRequest(long.MaxValue),
            TestContext.Current.CancellationToken))).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_fetch_can_be_canceled()
    {
        using CancellationTokenSource stop = new();
        using ScriptedServer server = new((request, _) => file.Answer(request) with { DropAfter = 10, Stall = true });
        server.Stalled = stop.Cancel;
        using RemoteFileCache cache = new(Options());
        ((Action)(() => cache.Fetch(server.Address("a.tar"), new FetchRequest(long.MaxValue), stop.Token))).Should()
            .Throw<OperationCanceledException>();
        server.Requests.Should().HaveCount(1);
    }

    private byte[] Fetch(ScriptedServer server, int attempts = 8, string query = "")
    {
        using RemoteFileCache cache = new(Options(attempts));
        using CachedFile copy = cache.Fetch(server.Address("a.tar" + query), new FetchRequest(long.MaxValue),
            TestContext.Current.CancellationToken);
        return File.ReadAllBytes(copy.Path);
    }

    private RemoteFileOptions Options(int attempts = 8) =>
        new() { Folder = folder.Path, Attempts = attempts, StallTimeout = FetchTime.Stall, Time = time };

    private static IOException Failure(Func<object> fetch) => fetch.Should().Throw<IOException>().Which;
}
