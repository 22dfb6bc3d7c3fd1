using System.Net;
using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class RemoteClientTests : IDisposable
{
    private static readonly RemoteShard Shard = RemoteShard.Of([0, 1, 2]);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_request_has_the_user_agent_of_the_library_unless_the_caller_sets_one()
    {
        using ScriptedServer server = new((request, _) => Shard.Answer(request, "\"1\""));
        ReadAll(server.Address("a.tar"), Options());
        server.RequestHeaders.Should().OnlyContain(headers => headers.Any(line => line.StartsWith("User-Agent: Diffusion.Training/",
            StringComparison.Ordinal)));
        int before = server.Requests.Count;
        ReadAll(server.Address("b.tar"), Options() with { Headers = Headers("user-agent", "Mine/2") });
        server.RequestHeaders.Skip(before).Should()
            .NotBeEmpty().And.OnlyContain(headers => headers.Count(line => line.StartsWith("User-Agent:",
                StringComparison.OrdinalIgnoreCase)) == 1
            && headers.Contains("User-Agent: Mine/2"));
    }

    [Fact]
    public void Headers_go_to_the_host_of_the_address_but_not_to_a_redirect_target()
    {
        using ScriptedServer store = new((request, _) => Shard.Answer(request, "\"1\""));
        using ScriptedServer front = new((request, _) => request.Path.StartsWith("/moved", StringComparison.Ordinal)
            ? new ServerReply { Status = 302, Headers = [$"Location: {store.Address(request.Path[1..])}"] }
            : new ServerReply { Status = 307, Headers = [$"Location: /moved{request.Path}"] });
        Uri address = new(front.Address("a.tar?token=s3cret").AbsoluteUri);
        ReadAll(address,
            Options() with { Headers = new Dictionary<string, string> { ["Authorization"] = "Bearer s3cret", ["X-Token"] = "s3cret" } });
        front.RequestHeaders.Should().OnlyContain(headers => headers.Contains("Authorization: Bearer s3cret")
            && headers.Contains("X-Token: s3cret"));
        store.RequestHeaders.Should().NotBeEmpty().And.OnlyContain(headers => !headers.Any(line => line.Contains("s3cret",
            StringComparison.Ordinal)));
        foreach (string file in Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories))
        {
            file.Should().NotContain("s3cret");
            File.ReadAllText(file).Should().NotContain("s3cret");
        }
    }

    [Fact]
    public void A_login_in_the_address_is_sent_but_never_shown()
    {
        using ScriptedServer server = new((request, _) => new ServerReply { Status = 401 });
        Uri address = new(server.Address("a.tar").AbsoluteUri.Replace("http://", "http://user:pa55@", StringComparison.Ordinal));
        FluentActions.Invoking(() => ReadAll(address, Options() with { Headers = Headers("X-Token", "s3cret") })).Should()
            .Throw<ImageDataException>()
            .WithMessage("*401*It needs a login: set ShardOptions.Headers*").Which.ToString().Should()
                .NotContain("s3cret").And.NotContain("pa55");
        server.RequestHeaders.Should().OnlyContain(headers => headers.Contains("Authorization: Basic dXNlcjpwYTU1"));
    }

    [Theory]
    [InlineData("https://user:pa55@host/a-{0..1}.tar?sig=x::s3://b?x::HTTP://h:1/b.tar",
        "https://host/a-{0..1}.tar::s3://b?x::HTTP://h:1/b.tar")]
    [InlineData("http://[::1]:80/a@b.tar?token=a?b&c=d::shards", "http://[::1]:80/a@b.tar::shards")]
    [InlineData("shards/what?.tar", "shards/what?.tar")]
    public void Names_are_shown_without_secrets(string pattern, string shown) => RemoteAddress.Shown(pattern).Should().Be(shown);

    [Theory]
    [InlineData("http://")]
    [InlineData("http://host:99999/a.tar")]
    public void An_invalid_address_is_a_clear_error(string name) =>
        FluentActions.Invoking(() => ShardedImages.Open(name, ShardFolder.Preparation, Options(), TestContext.Current.CancellationToken))
            .Should().Throw<ImageDataException>().WithMessage("*is not valid*");

    [Fact]
    public void The_client_of_the_caller_is_used_and_not_disposed()
    {
        using ScriptedServer server = new((request, _) => Shard.Answer(request, "\"1\""));
        using CountingHandler handler = new();
        using HttpClient client = new(handler, disposeHandler: false);
        client.DefaultRequestHeaders.Add("X-Token", "mine");
        ReadAll(server.Address("a.tar"), Options() with { HttpClient = client });
        handler.Requests.Should().Be(server.Requests.Count).And.BeGreaterThan(1);
        handler.IsDisposed.Should().BeFalse();
        server.RequestHeaders.Should().OnlyContain(headers => headers.Contains("X-Token: mine"));
        ReadAll(server.Address("b.tar"), Options() with { HttpClient = client });
    }

    [Fact]
    public void A_timeout_of_the_callers_client_is_reported()
    {
        using HttpClient client = new(new NeverAnswers()) { Timeout = TimeSpan.FromMilliseconds(1) };
        FluentActions.Invoking(() => ReadAll(new Uri("http://127.0.0.1:9/a.tar"), Options() with { HttpClient = client })).Should()
            .Throw<ImageDataException>()
            .WithMessage("*the Timeout of the HttpClient elapsed*");
    }

    [Theory]
    [InlineData("Range", "bytes=0-1", "*has Range, which is set automatically*")]
    [InlineData("X Token", "s3cret", "*has 'X Token', which is not a valid header*")]
    [InlineData("X-Token", "s3cret\r\nX: y", "*has 'X-Token', which is not a valid header*")]
    [InlineData("Content-Type", "text/plain", "*has 'Content-Type', which is not a valid header*")]
    public void Invalid_headers_are_rejected_by_name(string name, string value, string said) =>
        FluentActions.Invoking(() => ReadAll(new Uri("http://127.0.0.1:9/a.tar"), Options() with { Headers = Headers(name, value) }))
            .Should().Throw<ArgumentException>().WithMessage(said).Which.Message.Should().NotContain("s3cret");

    [Fact]
    public void Headers_together_with_a_client_are_rejected()
    {
        using HttpClient client = new();
        FluentActions.Invoking(() => ReadAll(new Uri("http://127.0.0.1:9/a.tar"),
            Options() with { HttpClient = client, Headers = Headers("X-Token", "s3cret") }))
            .Should().Throw<ArgumentException>().WithMessage("*DefaultRequestHeaders*");
    }

    [Theory]
    [InlineData(403, "*signed address has expired*")]
    [InlineData(407, "*The proxy needs a login*")]
    [InlineData(429, "*The server is busy*")]
    [InlineData(503, "*The server is busy*")]
    public void A_refusal_contains_a_remedy(int status, string said)
    {
        using ScriptedServer server = new((_, _) => new ServerReply { Status = status });
        FluentActions.Invoking(() => ReadAll(server.Address("a.tar"), Options())).Should().Throw<ImageDataException>().WithMessage(said);
    }

    private static Dictionary<string, string> Headers(string name, string value) => new() { [name] = value };

    private static void ReadAll(Uri address, ShardOptions options)
    {
        using ShardedImages images = ShardedImages.Open(address.OriginalString, ShardFolder.Preparation, options,
            TestContext.Current.CancellationToken);
        Enumerable.Range(0, 3).Should().OnlyContain(i => ShardFolder.Read(images, i).All(value => value == 10 + i));
    }

    private ShardOptions Options() => new()
    {
        CacheFolder = folder.Path,
        Fetching = new RemoteFileOptions { Folder = folder.Path, Attempts = 2, StallTimeout = FetchTime.Stall, Time = new FetchTime() },
    };

    private sealed class CountingHandler() : DelegatingHandler(new SocketsHttpHandler())
    {
        private int requests;

        public int Requests => requests;

        public bool IsDisposed { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref requests);
            return base.SendAsync(request, cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            IsDisposed = true;
            base.Dispose(disposing);
        }
    }

    private sealed class NeverAnswers : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return new HttpResponseMessage(HttpStatusCode.OK);
        }
    }
}
