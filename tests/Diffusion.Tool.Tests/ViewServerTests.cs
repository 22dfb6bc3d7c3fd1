using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using Diffusion.Reporting;
using Diffusion.TestKit;
using Diffusion.Tool.Terminal;
using Diffusion.Tool.Viewing;

namespace Diffusion.Tool.Tests;

/// <summary>The pages that <c>diffusion view</c> serves.</summary>
public sealed class ViewServerTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly HttpClient client = new();
    private readonly ViewServer server;

    public ViewServerTests()
    {
        Report("first", 10, 1);
        Report("<b>second", 20, 0.5);
        server = ViewServer.Start(RunList.Open(folder.Path), port: 0);
        client.BaseAddress = new Uri(server.Address);
    }

    [Fact]
    public async Task The_first_page_lists_the_runs_with_their_names_encoded()
    {
        string html = await Get("/");

        html.Should().Contain("href=\"/run/first\">first</a>").And.Contain("step 10 of 1,000").And.Contain("&lt;b&gt;second");
        html.Should().NotContain("<b>");
    }

    [Fact]
    public async Task The_page_of_a_run_shows_its_plots()
    {
        string html = await Get("/run/%3Cb%3Esecond");

        html.Should().Contain("<h1>&lt;b&gt;second</h1>").And.Contain("/run/%3Cb%3Esecond/loss.png?v=").And.Contain("20 of 1,000");
        foreach (string picture in (string[])["/run/first/loss.png", "/run/first/gradients.png", "/compare.png"])
        {
            byte[] png = await client.GetByteArrayAsync(picture, TestContext.Current.CancellationToken);
            png.AsSpan(1, 3).SequenceEqual("PNG"u8).Should().BeTrue();
        }
    }

    [Fact]
    public async Task New_reports_and_new_runs_change_the_state_and_the_pages()
    {
        string one = await Get("/state?run=first");
        string all = await Get("/state?run=");
        (await Get("/state?run=first")).Should().Be(one);

        Report("first", 30, 0.25);
        Report("third", 1, 1);

        (await Get("/state?run=first")).Should().NotBe(one);
        (await Get("/state?run=")).Should().NotBe(all).And.Contain("third");
        (await Get("/run/first")).Should().Contain("30 of 1,000");
        (await Get("/")).Should().Contain("third");
    }

    [Theory]
    [InlineData("/", "/state?run=")]
    [InlineData("/run/first", "/state?run=first")]
    public async Task A_page_names_the_state_that_it_shows_so_that_no_change_after_it_is_missed(string page, string state)
    {
        string text = await Get(state);
        (await Get(page)).Should().Contain($"data-version=\"{WebUtility.HtmlEncode(text)}\"");
    }

    [Fact]
    public async Task A_run_whose_files_cannot_be_read_leaves_the_others_on_the_page()
    {
        using FileStream held = new(folder.File("first", "metrics.jsonl"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);

        string html = await Get("/");

        html.Should().Contain("metrics.jsonl").And.Contain("step 20 of 1,000");
        byte[] png = await client.GetByteArrayAsync("/compare.png", TestContext.Current.CancellationToken);
        png.AsSpan(1, 3).SequenceEqual("PNG"u8).Should().BeTrue();
    }

    [Fact]
    public void Of_a_run_that_was_resumed_the_earlier_end_is_not_shown()
    {
        ViewedRun run = RunList.Open(folder.Path).Find("first")!;
        RunFacts facts = new()
        {
            StartedAt = DateTimeOffset.UnixEpoch,
            FirstStep = 0,
            BatchSize = 1,
            Device = "cpu",
            ParameterCount = 1,
            Data = null!,
            Warnings = [],
            Options = JsonSerializer.SerializeToElement(1),
            Ending = new RunEnding(DateTimeOffset.UnixEpoch, 10, "Canceled", null),
        };
        facts.Write(folder.File("first"));
        run.Summary.Ending.Should().Be("Canceled");

        Report("first", 11, 1);

        run.Summary.Ending.Should().BeNull();
    }

    [Theory]
    [InlineData("/run/unknown")]
    [InlineData("/state?run=unknown")]
    [InlineData("/run/first/unknown.png")]
    [InlineData("/run/first/data.png")]
    [InlineData("/run/..%2Fsecret")]
    [InlineData("/run/first/..%2Fmetrics.jsonl")]
    [InlineData("/run/first/metrics.jsonl")]
    public async Task Nothing_else_is_served(string address)
    {
        using HttpResponseMessage answer = await client.GetAsync(address, TestContext.Current.CancellationToken);

        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Requests_for_another_host_are_refused()
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/") { Headers = { Host = "example.org" } };

        using HttpResponseMessage answer = await client.SendAsync(request, TestContext.Current.CancellationToken);

        answer.StatusCode.Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    public void Only_the_loopback_address_listens()
    {
        int port = new Uri(server.Address).Port;

        IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Where(listener => listener.Port == port)
            .Should().NotBeEmpty().And.OnlyContain(listener => IPAddress.IsLoopback(listener.Address));
    }

    [Fact]
    public void A_port_in_use_is_one_clear_error()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;

        FluentActions.Invoking(() => ViewServer.Start(RunList.Open(folder.Path), port)).Should().Throw<ToolUsageException>()
            .WithMessage($"Port {port} is in use. Choose another with --port*");
    }

    [Fact]
    public async Task The_script_inserts_no_text_as_HTML_of_its_own()
    {
        string script = await Get("/view.js");

        script.Should().NotContain("innerHTML").And.NotContain("eval");
    }

    [Fact]
    public void A_single_run_folder_can_be_viewed() =>
        RunList.Open(folder.File("first")).All().Should().ContainSingle().Which.Name.Should().Be("first");

    public void Dispose()
    {
        server.Dispose();
        client.Dispose();
        folder.Dispose();
    }

    private Task<string> Get(string address) => client.GetStringAsync(address, TestContext.Current.CancellationToken);

    private void Report(string run, long step, double loss)
    {
        Directory.CreateDirectory(folder.File(run));
        string time = "\"00:00:01\"";
        File.AppendAllText(
            folder.File(run, "metrics.jsonl"),
            FormattableString.Invariant($"{{\"step\":{step},\"steps\":1000,\"loss\":{loss},\"elapsed\":{time},\"remaining\":{time},")
            + "\"heldOutLoss\":null,\"findings\":[]}\n");
    }
}
