using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class RemoteStreamingTests : IDisposable
{
    private const int Samples = 60;
    private const int Background = 1 << 20;
    private static readonly RemoteShard Shard = RemoteShard.Of([.. Enumerable.Range(0, Samples).Select(i => i % 3)], padding: 60_000);

    private readonly TemporaryFolder folder = new();
    private readonly FetchTime time = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_first_sample_is_read_while_the_rest_is_being_fetched_and_a_canceled_fetch_leaves_nothing(bool hasRanges)
    {
        using ScriptedServer server = new((request, _) => Served(request, hasRanges, reply =>
            reply with { DropAfter = Math.Min(reply.Body.Length, 150_000), Stall = reply.Body.Length > 150_000 }));
        using (ShardedImages images = Open(server))
        {
            IsRight(images, 0).Should().BeTrue();
        }

        Directory.GetFiles(folder.Path, "*.part", SearchOption.AllDirectories).Should().BeEmpty();
    }

    [Fact]
    public void A_requested_sample_is_fetched_before_the_data_in_front_of_it()
    {
        using ScriptedServer server = new((request, _) => Served(request, true, reply =>
            reply.Body.Length >= Background ? reply with { DropAfter = 0, Stall = true } : reply));
        using ShardedImages images = Open(server);
        IsRight(images, Samples - 1).Should().BeTrue();
        IsRight(images, Samples - 4).Should().BeTrue();
    }

    [Fact]
    public void Announced_samples_are_fetched_before_they_are_read()
    {
        using ManualResetEventSlim isAsked = new();
        using ScriptedServer server = new((request, _) => Served(request, true, reply =>
        {
            if (reply.Body.Length < Background && request.From > Background)
            {
                isAsked.Set();
            }

            return reply.Body.Length >= Background ? reply with { DropAfter = 0, Stall = true } : reply;
        }));
        using ShardedImages images = Open(server);
        images.Announce([Samples - 1], TestContext.Current.CancellationToken);
        isAsked.Wait(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Repeatedly_lost_connections_lose_no_bytes(bool hasRanges)
    {
        using ScriptedServer server = new((request, _) => Served(request, true, reply =>
            request.From is null && !hasRanges ? reply with { DropAfter = 400_000 } : reply with { DropAfter = 50_000 }));
        using ShardedImages images = Open(server);
        Enumerable.Range(0, Samples).Should().OnlyContain(i => IsRight(images, i));
    }

    [Fact]
    public void Without_an_index_only_the_headers_are_read()
    {
        using ScriptedServer server = new((request, _) => Shard.Answer(request, "\"1\"", hasIndex: false));
        using ShardedImages images = Open(server);
        (images.Count, images.ClassCount).Should().Be((Samples, 3));
        server.BodyBytes.Should().BeLessThan(Shard.Tar.Length / 10);
        Enumerable.Range(0, Samples).Should().OnlyContain(i => IsRight(images, i) && images.LabelOf(i) == i % 3);
    }

    [Fact]
    public void Shards_of_small_samples_without_an_index_are_fetched_once_as_a_whole()
    {
        RemoteShard small = RemoteShard.Of([.. Enumerable.Range(0, 200).Select(i => i % 3)], padding: 1000);
        using ScriptedServer server = new((request, _) => small.Answer(request, "\"1\"", hasIndex: false));
        using ShardedImages images = Open(server);
        images.Count.Should().Be(200);
        Enumerable.Range(0, 200).Should().OnlyContain(i => IsRight(images, i));
        server.BodyBytes.Should().BeLessThan(small.Tar.Length * 3L / 2);
    }

    [Fact]
    public void The_fetch_of_a_whole_shard_continues_after_the_search_for_its_samples()
    {
        RemoteShard large = RemoteShard.Of([.. Enumerable.Range(0, Samples).Select(i => i % 3)], padding: 120_000);
        TaskCompletionSource isFound = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using ScriptedServer server = new((request, n) =>
        {
            time.Passed = TimeSpan.FromSeconds(n); // so slow that the whole shard is fetched instead of its headers only
            ServerReply reply = large.Answer(request, "\"1\"", hasIndex: false);
            return request is { From: 0, To: > 10_000 } ? reply with { After = isFound.Task } : reply;
        });
        using ShardedImages images = Open(server);
        images.Count.Should().Be(Samples);
        isFound.SetResult();
        Enumerable.Range(0, Samples).Should().OnlyContain(i => IsRight(images, i));
        server.BodyBytes.Should().BeLessThan(large.Tar.Length * 6L / 5);
    }

    [Fact]
    public void Of_fetches_that_end_together_exactly_one_keeps_the_file()
    {
        StreamedBlocks blocks = new(2 * BlockMap.BlockBytes, time);
        blocks.TryClaim(0, 0, 1, out _, out _).Should().BeTrue();
        blocks.TryClaim(1, 1, 1, out _, out _).Should().BeTrue();
        blocks.Add(0);
        blocks.TryStartCommit().Should().BeFalse();
        blocks.Add(1);
        (blocks.TryStartCommit(), blocks.TryStartCommit()).Should().Be((true, false));
    }

    [Fact]
    public void A_server_without_Range_sends_all_samples_in_one_request()
    {
        using ScriptedServer server = new((request, _) => Served(request, false, reply => reply));
        using ShardedImages images = Open(server);
        Enumerable.Range(0, Samples).Should().OnlyContain(i => IsRight(images, i));
        server.Requests.Count(request => RemoteShard.IsOfBytes(request)).Should().Be(1);
    }

    [Fact]
    public void A_completely_fetched_shard_is_a_copy_for_the_next_opening()
    {
        using ScriptedServer server = new((request, _) => Shard.Answer(request, "\"1\""));
        using (ShardedImages images = Open(server))
        {
            Enumerable.Range(0, Samples).Should().OnlyContain(i => IsRight(images, i));
        }

        int requests = server.Requests.Count(RemoteShard.IsOfBytes);
        using ShardedImages again = Open(server);
        Enumerable.Range(0, Samples).Should().OnlyContain(i => IsRight(again, i));
        server.Requests.Count(RemoteShard.IsOfBytes).Should().Be(requests);
    }

    [Fact]
    public void A_failed_server_is_asked_again_after_a_minute()
    {
        bool isGone = false;
        using ScriptedServer server = new((request, _) => isGone ? new ServerReply { Status = 503 } : Shard.Answer(request, "\"1\""));
        using ShardedImages images = Open(server);
        isGone = true;
        FluentActions.Invoking(() => ShardFolder.Read(images, 3)).Should().Throw<ImageDataException>().WithMessage("*gave up*503*");
        isGone = false;
        FluentActions.Invoking(() => ShardFolder.Read(images, 3)).Should().Throw<ImageDataException>();
        time.Passed = TimeSpan.FromMinutes(1);
        Enumerable.Range(0, Samples).Should().OnlyContain(i => IsRight(images, i));
    }

    [Fact]
    public void A_fetch_that_failed_is_continued_for_others_although_nobody_reads_here()
    {
        int requests = 0;
        time.CountsDelays = true;
        using ScriptedServer server = new((request, _) => Served(request, true, reply =>
            Interlocked.Increment(ref requests) <= 40 ? new ServerReply { Status = 503 } : reply));
        using ShardedImages failing = Open(server);
        FluentActions.Invoking(() => ShardFolder.Read(failing, 3)).Should().Throw<ImageDataException>().WithMessage("*gave up*503*");

        using ShardedImages other = Open(server);

        Enumerable.Range(0, Samples).Should().OnlyContain(i => IsRight(other, i));
    }

    [Fact]
    public void Whatever_an_HttpClient_throws_is_an_error_of_the_image_and_the_source_can_be_closed()
    {
        using ScriptedServer server = new((request, _) => Shard.Answer(request, "\"1\""));
        using HttpClient client = new(new RefusingHandler());
        using ShardedImages images = Open(server, client);

        FluentActions.Invoking(() => ShardFolder.Read(images, 3)).Should().Throw<ImageDataException>().WithMessage("*no token*");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Labels_that_were_corrected_on_the_server_are_used(bool hasCondition)
    {
        bool isCorrected = false;
        RemoteShard corrected = RemoteShard.Of([.. Enumerable.Range(0, Samples).Select(i => (i + 1) % 3)], padding: 60_000);
        using ScriptedServer server = new((request, _) =>
            isCorrected ? corrected.Answer(request, "\"2\"") : Shard.Answer(request, "\"1\""));
        ShardOptions options = Options() with { Where = hasCondition ? _ => true : null };
        LabelsIn(options).Should().Equal(Enumerable.Range(0, Samples).Select(i => i % 3L));

        isCorrected = true;

        LabelsIn(options).Should().Equal(Enumerable.Range(0, Samples).Select(i => (i + 1) % 3L));

        long[] LabelsIn(ShardOptions options)
        {
            using ShardedImages images = ShardedImages.Open(
                server.Address("a.tar").ToString(), ShardFolder.Preparation, options, TestContext.Current.CancellationToken);
            return [.. Enumerable.Range(0, Samples).Select(i => (long)images.LabelOf(i)!)];
        }
    }

    [Fact]
    public async Task A_late_failure_of_an_earlier_attempt_does_not_fail_new_readers()
    {
        const int Attempts = 8;
        bool isGone = false;
        int far = 0;
        TaskCompletionSource isHeld = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using ScriptedServer server = new((request, _) =>
        {
            if (!Volatile.Read(ref isGone))
            {
                return Shard.Answer(request, "\"1\"");
            }

            ServerReply refusal = new() { Status = 503 };
            if (request.From >= Background && ++far == Attempts)
            {
                isHeld.SetResult();
                return refusal with { After = held.Task };
            }

            return refusal;
        });
        using ShardedImages images = Open(server);
        Volatile.Write(ref isGone, true);
        FluentActions.Invoking(() => ShardFolder.Read(images, 0)).Should().Throw<ImageDataException>().WithMessage("*gave up*503*");
        await isHeld.Task.WaitAsync(TestContext.Current.CancellationToken);
        Volatile.Write(ref isGone, false);
        time.Passed = TimeSpan.FromMinutes(1);
        IsRight(images, 0).Should().BeTrue();
        held.SetResult();
        Enumerable.Range(0, Samples).Should().OnlyContain(i => IsRight(images, i));
    }

    [Fact]
    public void Many_readers_of_two_sources_in_one_folder_read_all_samples_correctly()
    {
        using ScriptedServer server = new((request, n) => Served(request, true, reply => n % 5 == 0
            ? reply with { DropAfter = 30_000 }
            : reply));
        using ShardedImages one = Open(server);
        using ShardedImages two = Open(server);
        Parallel.For(0, 4 * Samples,
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, i =>
            IsRight(i % 2 == 0 ? one : two, i * 7 % Samples).Should().BeTrue());
    }

    private static bool IsRight(ShardedImages images, int index) => ShardFolder.Read(images, index).All(value => value == 10 + index);

    private static ServerReply Served(ServerRequest request, bool hasRanges, Func<ServerReply, ServerReply> spoil)
    {
        ServerReply reply = Shard.Answer(hasRanges ? request : request with { From = null }, "\"1\"");
        return RemoteShard.IsOfBytes(request) ? spoil(reply) : reply;
    }

    private ShardedImages Open(ScriptedServer server, HttpClient? client = null) => ShardedImages.Open(
        server.Address("a.tar").ToString(), ShardFolder.Preparation, Options() with { HttpClient = client },
        TestContext.Current.CancellationToken);

    private ShardOptions Options() => new()
    {
        CacheFolder = folder.Path,
        Fetching = new RemoteFileOptions { Folder = folder.Path, StallTimeout = FetchTime.Stall, Time = time },
    };

    // Lets probes and the index pass.
    private sealed class RefusingHandler() : DelegatingHandler(new HttpClientHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            request.Headers.Range?.Ranges.First() is { } range && range is not { From: 0, To: 511 }
                ? throw new NotSupportedException("no token")
                : base.SendAsync(request, cancellationToken);
    }
}
