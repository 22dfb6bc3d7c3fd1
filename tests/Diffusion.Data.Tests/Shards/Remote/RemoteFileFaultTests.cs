using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class RemoteFileFaultTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Three_hundred_fetches_with_all_kinds_of_faults_end_with_the_right_bytes_or_the_declared_error()
    {
        int whole = 0;
        int refused = 0;
        int requests = 0;
        for (int i = 0; i < 300; i++)
        {
            SeedStream draws = new(1000 + i);
            ServedFile[] versions = Versions(draws, i);
            FetchTime time = new();
            using ScriptedServer server = new((request, n) => Reply(request, draws, versions, n));
            server.Stalled = time.EndStall;
            using RemoteFileCache cache = new(new RemoteFileOptions { Folder = folder.Path, Attempts = 6, StallTimeout = FetchTime.Stall,
                Time = time, CacheBytes = 0 });
            try
            {
                using CachedFile copy = cache.Fetch(server.Address(string.Create(CultureInfo.InvariantCulture, $"{i}")),
                    new FetchRequest(long.MaxValue), TestContext.Current.CancellationToken);
                byte[] bytes = File.ReadAllBytes(copy.Path);
                versions.Should().Contain(version => version.Content.SequenceEqual(bytes), $"fetch {i} must give one version whole");
                whole++;
            }
            catch (IOException problem)
            {
                problem.Message.Should().Match(message => message.Contains("gave up after") || message.Contains("answered 404"),
                    $"it is fetch {i}");
                refused++;
            }

            requests += server.Requests.Count;
        }

        (whole + refused).Should().Be(300);
        whole.Should().BeGreaterThan(200);
        refused.Should().BeGreaterThan(5);
        requests.Should().BeGreaterThan(600);
    }

    // Two versions, with an ETag, with a date, or with neither.
    private static ServedFile[] Versions(SeedStream draws, int fetch)
    {
        int length = Draw(draws, -1, 120_000);
        int kind = Draw(draws, -2, 4);
        return [.. new[] { 1, 2 }.Select(version => ServedFile.Drawn(
            length + (Draw(draws, -3, 2) * version), (fetch * 2) + version,
            kind <= 1 ? $"\"{version}\"" : null, kind is 1 or 2 ? $"Tue, 0{version} Jan 2030 00:00:00 GMT" : null))];
    }

    private static ServerReply Reply(ServerRequest request, SeedStream draws, ServedFile[] versions, int n)
    {
        ServedFile file = versions[n >= Draw(draws, -4, 12) ? 1 : 0];
        ServerReply good = file.Answer(request);
        int drop = Draw(draws, (3 * n) + 1, good.Body.Length + 1);
        return Draw(draws, 3 * n, 20) switch
        {
            < 6 => good with { DropAfter = drop, ClaimedLength = good.Body.Length + (drop == good.Body.Length ? 1 : 0) },
            6 => good with { DropAfter = drop, Stall = true, ClaimedLength = good.Body.Length + 1 },
            7 => good with { Chunked = true, DropAfter = drop },
            8 => good with { Chunked = true },
            9 => file.Whole(),
            10 => file.Whole() with { DropAfter = drop / 2, ClaimedLength = file.Content.Length + 1 },
            11 => new ServerReply { Status = 503, Headers = ["Retry-After: 5"] },
            12 => new ServerReply { Status = 429 },
            13 => new ServerReply { Raw = "HTTP/1.1 banana\r\n\r\n" },
            14 => new ServerReply { Raw = "" },
            15 when request.From is > 0 && request.From < file.Content.Length => file.Part((int)request.From - 1),
            15 => file.Part(0),
            16 => good with { ClaimedLength = good.Body.Length + 3 },
            17 when Draw(draws, (3 * n) + 2, 4) == 0 => new ServerReply { Status = 404 },
            _ => good,
        };
    }

    private static int Draw(SeedStream draws, long index, int below) => (int)(draws.Uniform(RandomPurpose.Drawing, index) * below);
}
