using System.Net;
using System.Net.Sockets;

namespace Diffusion.Training.Tests.Distributed;

public sealed class RendezvousTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Ranks_meet_and_share_what_rank_0_says()
    {
        using Socket listener = Rendezvous.Listen(0);
        Task<ReadOnlyMemory<byte>> first = Join(listener, Identity(1, 3));
        Task<ReadOnlyMemory<byte>> second = Join(listener, Identity(2, 3));

        ControlConnection?[] ranks = Rendezvous.Accept(listener, Identity(0, 3), new byte[] { 4, 5, 6 }, Within(Limit));

        ranks[0].Should().BeNull();
        ranks[1..].Should().NotContainNulls();
        (await first).ToArray().Should().Equal(4, 5, 6);
        (await second).ToArray().Should().Equal(4, 5, 6);
        Array.ForEach(ranks, rank => rank?.Dispose());
    }

    [Fact]
    public async Task A_process_of_another_build_is_named_on_every_rank()
    {
        using Socket listener = Rendezvous.Listen(0);
        Task<ReadOnlyMemory<byte>> other = Join(listener, Identity(1, 2) with { Build = "0.2.0" });

        FluentActions.Invoking(() => Rendezvous.Accept(listener, Identity(0, 2), default, Within(Limit)))
            .Should().Throw<DistributedException>()
            .WithMessage("On rank 0, the build of Diffusion.Training is 0.1.0, but on rank 1 it is 0.2.0.*");
        (await FluentActions.Awaiting(() => other).Should().ThrowAsync<DistributedException>())
            .WithMessage("On rank 0, the build of Diffusion.Training is 0.1.0, but on rank 1 it is 0.2.0.*");
    }

    [Fact]
    public async Task Two_processes_of_one_rank_are_named()
    {
        using Socket listener = Rendezvous.Listen(0);
        Task<ReadOnlyMemory<byte>> first = Join(listener, Identity(1, 3));
        Task<ReadOnlyMemory<byte>> second = Join(listener, Identity(1, 3));

        FluentActions.Invoking(() => Rendezvous.Accept(listener, Identity(0, 3), default, Within(Limit)))
            .Should().Throw<DistributedException>().WithMessage("Two processes say that they are rank 1.*");
        await FluentActions.Awaiting(() => first).Should().ThrowAsync<DistributedException>();
        await FluentActions.Awaiting(() => second).Should().ThrowAsync<DistributedException>();
    }

    [Fact]
    public async Task A_rank_that_comes_after_the_refusal_hears_the_cause_too()
    {
        using Socket listener = Rendezvous.Listen(0);
        Task<ControlConnection?[]> accepting = Task.Run(
            () => Rendezvous.Accept(listener, Identity(0, 4), default, Within(Limit)), TestContext.Current.CancellationToken);
        Task<ReadOnlyMemory<byte>>[] same = [Join(listener, Identity(1, 4)), Join(listener, Identity(1, 4))];
        foreach (Task<ReadOnlyMemory<byte>> one in same)
        {
            await FluentActions.Awaiting(() => one).Should().ThrowAsync<DistributedException>();
        }

        (await FluentActions.Awaiting(() => Join(listener, Identity(2, 4))).Should().ThrowAsync<DistributedException>())
            .WithMessage("Two processes say that they are rank 1.*");
        await FluentActions.Awaiting(() => accepting).Should().ThrowAsync<DistributedException>();
    }

    [Fact]
    public async Task A_rank_that_cannot_join_is_named_with_its_problem_on_every_rank()
    {
        const string cause = "Rank 2 cannot join: There is no GPU. Install one.";
        using Socket listener = Rendezvous.Listen(0);
        Task<ReadOnlyMemory<byte>> good = Join(listener, Identity(1, 3));
        Task<ReadOnlyMemory<byte>> bad = Join(listener, Identity(2, 3) with { Problem = "There is no GPU.\nInstall one." });

        FluentActions.Invoking(() => Rendezvous.Accept(listener, Identity(0, 3), default, Within(Limit)))
            .Should().Throw<DistributedException>().WithMessage(cause);
        (await FluentActions.Awaiting(() => good).Should().ThrowAsync<DistributedException>()).WithMessage(cause);
        (await FluentActions.Awaiting(() => bad).Should().ThrowAsync<DistributedException>()).WithMessage(cause);
    }

    [Fact]
    public async Task A_rank_0_that_finds_another_one_is_named_on_both()
    {
        using Socket listener = Rendezvous.Listen(0);
        using ControlConnection toOther = Connect(listener);
        Task<ControlConnection?[]> other = Task.Run(
            () => Rendezvous.Accept(listener, Identity(0, 2), default, Within(Limit)), TestContext.Current.CancellationToken);

        FluentActions.Invoking(() => Rendezvous.CheckOnlyFirst(toOther, Identity(0, 2))).Should().Throw<DistributedException>()
            .WithMessage("Two processes say that they are rank 0.*");
        (await FluentActions.Awaiting(() => other).Should().ThrowAsync<DistributedException>())
            .WithMessage("Two processes say that they are rank 0.*");
    }

    [Fact]
    public async Task A_rank_0_that_finds_itself_is_alone()
    {
        RankIdentity own = Identity(0, 2);
        using Socket listener = Rendezvous.Listen(0);
        using ControlConnection toItself = Connect(listener);
        Task<ControlConnection?[]> accepting = Task.Run(
            () => Rendezvous.Accept(listener, own, default, Within(Limit)), TestContext.Current.CancellationToken);

        Rendezvous.CheckOnlyFirst(toItself, own);
        await Join(listener, Identity(1, 2));

        (await accepting)[1]!.Dispose();
    }

    [Fact]
    public async Task Without_IPv6_rank_0_listens_by_IPv4()
    {
        using Socket listener = Rendezvous.Listen(0, hasIPv6: false);
        Task<ReadOnlyMemory<byte>> joined = Join(listener, Identity(1, 2));

        ControlConnection?[] ranks = Rendezvous.Accept(listener, Identity(0, 2), default, Within(Limit));

        listener.AddressFamily.Should().Be(AddressFamily.InterNetwork);
        await joined;
        ranks[1]!.Dispose();
    }

    [Fact]
    public void A_missing_rank_is_named()
    {
        using Socket listener = Rendezvous.Listen(0);

        FluentActions.Invoking(() => Rendezvous.Accept(listener, Identity(0, 3), default, Within(TimeSpan.FromMilliseconds(50))))
            .Should().Throw<DistributedException>().WithMessage("*rank 1, 2 of 3 did not connect.*");
    }

    [Fact]
    public async Task A_stranger_on_the_port_changes_nothing()
    {
        using Socket listener = Rendezvous.Listen(0);
        using Socket stranger = new(SocketType.Stream, ProtocolType.Tcp);
        await stranger.ConnectAsync("127.0.0.1", Port(listener), TestContext.Current.CancellationToken);
        await stranger.SendAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        Task<ReadOnlyMemory<byte>> joined = Join(listener, Identity(1, 2));

        ControlConnection?[] ranks = Rendezvous.Accept(listener, Identity(0, 2), default, Within(Limit));

        ranks[1].Should().NotBeNull();
        await joined;
        ranks[1]!.Dispose();
    }

    [Fact]
    public void A_rank_that_cannot_reach_rank_0_says_where_it_tried()
    {
        int port;
        using (Socket listener = Rendezvous.Listen(0))
        {
            port = Port(listener);
        }

        FluentActions.Invoking(() => Rendezvous.Join(["127.0.0.1"], port, Identity(1, 2), Within(TimeSpan.FromMilliseconds(50))))
            .Should().Throw<DistributedException>()
            .WithMessage($"Rank 1 could not join rank 0 at 127.0.0.1, port {port},*: Connection refused.*");
    }

    [Fact]
    public void A_machine_that_cannot_be_reached_is_said_long_before_the_deadline_of_the_start()
    {
        ProcessGroupOptions options = new() { StartDeadline = TimeSpan.FromHours(1), ReachDeadline = TimeSpan.FromMilliseconds(50) };

        FluentActions.Invoking(() => Rendezvous.Join(["rank-0.invalid"], 29500, Identity(1, 2), options))
            .Should().Throw<DistributedException>()
            .WithMessage("Rank 1 cannot reach the machine of rank 0 at rank-0.invalid, port 29500: *Set MASTER_ADDR to*ReachDeadline*");
    }

    [Fact]
    public void A_machine_that_refuses_is_reached_as_its_process_may_come_later()
    {
        int port;
        using (Socket listener = Rendezvous.Listen(0))
        {
            port = Port(listener);
        }

        ConnectionAttempt refused = ConnectionAttempt.To("127.0.0.1", port, Environment.TickCount64 + (long)Limit.TotalMilliseconds);
        ConnectionAttempt unknown = ConnectionAttempt.To("rank-0.invalid", port, Environment.TickCount64 + (long)Limit.TotalMilliseconds);

        (refused.Socket, refused.IsReached).Should().Be((null, true));
        (unknown.Socket, unknown.IsReached).Should().Be((null, false));
        ProcessGroupOptions options = new() { StartDeadline = TimeSpan.FromSeconds(1.5), ReachDeadline = TimeSpan.FromSeconds(1) };
        FluentActions.Invoking(() => Rendezvous.Join(["127.0.0.1"], port, Identity(1, 2), options))
            .Should().Throw<DistributedException>()
            .WithMessage("Rank 1 could not join rank 0 at 127.0.0.1*within 2 s*Is rank 0 running*");
    }

    private static ProcessGroupOptions Within(TimeSpan limit) => new() { StartDeadline = limit };

    private static RankIdentity Identity(int rank, int worldSize) => new(rank, worldSize, "job", "0.1.0", "2.10.0", "MPI");

    private static int Port(Socket listener) => ((IPEndPoint)listener.LocalEndPoint!).Port;

    private static ControlConnection Connect(Socket listener) =>
        new(ConnectionAttempt.To("127.0.0.1", Port(listener), Environment.TickCount64 + (long)Limit.TotalMilliseconds).Socket!);

    private static Task<ReadOnlyMemory<byte>> Join(Socket listener, RankIdentity identity) => Task.Run(() =>
    {
        (ControlConnection connection, ReadOnlyMemory<byte> shared) = Rendezvous.Join(
            ["127.0.0.1"], Port(listener), identity, Within(Limit));
        connection.Dispose();
        return shared;
    });
}
