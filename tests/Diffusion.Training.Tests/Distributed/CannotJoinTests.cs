using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>A process that cannot join, as one without a GPU: all others end with its cause, instead of waiting for it.</summary>
public sealed class CannotJoinTests
{
    private static readonly ProcessGroupOptions Options = new() { StartDeadline = TimeSpan.FromSeconds(30) };

    public CannotJoinTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Several processes train together on Linux only.");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task The_device_problem_of_one_rank_is_the_error_of_both(int rank)
    {
        int port = FreePort();
        ProcessPlace place = new("torchrun", rank, 2, rank, "127.0.0.1", port);
        int other = 1 - rank;
        Task<Meeting> waiting = Task.Run(
            () => Meeting.ByAddress(place with { Rank = other, LocalRank = other }, "NCCL", () => default, Options),
            TestContext.Current.CancellationToken);

        FluentActions.Invoking(() => ProcessGroups.Create(() => throw new DistributedException("It sees 1 GPU."), Options, place))
            .Should().Throw<DistributedException>().WithMessage("It sees 1 GPU.");

        (await FluentActions.Awaiting(() => waiting).Should().ThrowAsync<DistributedException>())
            .WithMessage($"Rank {rank} cannot join: It sees 1 GPU.");
    }

    [Fact]
    public async Task An_error_in_what_rank_0_shares_is_told_to_the_others()
    {
        ProcessPlace place = new("torchrun", 0, 2, 0, "127.0.0.1", FreePort());
        Task<Meeting> waiting = Task.Run(
            () => Meeting.ByAddress(place with { Rank = 1, LocalRank = 1 }, "NCCL", () => default, Options),
            TestContext.Current.CancellationToken);

        FluentActions.Invoking(() => Meeting.ByAddress(place, "NCCL", () => throw new DistributedException("No id."), Options))
            .Should().Throw<DistributedException>().WithMessage("No id.");

        (await FluentActions.Awaiting(() => waiting).Should().ThrowAsync<DistributedException>())
            .WithMessage("Rank 0 cannot join: No id.");
    }

    [Fact]
    public void By_MPI_rank_0_tells_where_it_listens()
    {
        MpiMeetingPoint point = new(["10.0.0.1", "::1"], 4711, "token");

        MpiMeetingPoint told = MpiMeetingPoint.Read(point.ToBytes());

        (told.Port, told.Token).Should().Be((4711, "token"));
        told.Hosts.Should().Equal("10.0.0.1", "::1");
    }

    [Fact]
    public void By_MPI_rank_0_tells_why_it_does_not_listen()
    {
        string cause = $"There is\nno network {new string('x', 5000)}";

        byte[] told = MpiMeetingPoint.Refusal(cause);

        told.Should().HaveCount(4096);
        Encoding.UTF8.GetString(told).Should().StartWith("\nThere is no network xx");
        FluentActions.Invoking(() => MpiMeetingPoint.Read(told)).Should().Throw<DistributedException>()
            .WithMessage("There is no network xx*");
    }

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
