using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>Processes that leave their group at different times, as after a run when only rank 0 samples.</summary>
public sealed class LeavingTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    // Nobody may wait by this deadline of operations: it has always passed.
    private static readonly ProcessGroupOptions Passed = new() { Deadline = TimeSpan.Zero, StartDeadline = Limit };

    private readonly ConcurrentQueue<string> failures = [];
    private readonly ControlConnection?[] ofFirst;
    private readonly ControlConnection ofSecond;

    public LeavingTests()
    {
        using Socket listener = Rendezvous.Listen(0);
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        long until = Environment.TickCount64 + (long)Limit.TotalMilliseconds;
        ofSecond = new ControlConnection(ConnectionAttempt.To("127.0.0.1", port, until).Socket!);
        ofFirst = [null, new ControlConnection(listener.Accept())];
    }

    public void Dispose()
    {
        ofSecond.Dispose();
        ofFirst[1]?.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_rank_that_leaves_waits_for_the_other_without_a_deadline(int first)
    {
        IdleEngine[] engines = [new(), new()];
        LaunchedProcessGroup[] groups = [Group(0, ofFirst, engines[0]), Group(1, [ofSecond], engines[1])];

        Task leaving = Task.Run(groups[first].Dispose, TestContext.Current.CancellationToken);
        Task following = Task.Run(groups[1 - first].Dispose, TestContext.Current.CancellationToken);
        await Task.WhenAll(leaving, following).WaitAsync(Limit, TestContext.Current.CancellationToken);

        engines.Should().AllSatisfy(engine => engine.IsDisposed.Should().BeTrue("each engine ends in good order"));
        failures.Should().BeEmpty();
    }

    [Fact]
    public async Task A_rank_that_ends_after_it_has_left_is_no_loss()
    {
        IdleEngine engine = new();
        LaunchedProcessGroup group = Group(0, ofFirst, engine);

        ofSecond.Send(ControlMessage.Beat(ControlMessage.Kind.Leave, operations: 0, step: 0));
        ofSecond.Dispose();
        SpinWait.SpinUntil(() => ofFirst[1] is null || !failures.IsEmpty, Limit).Should().BeTrue();
        await Task.Run(group.Dispose, TestContext.Current.CancellationToken).WaitAsync(Limit, TestContext.Current.CancellationToken);

        engine.IsDisposed.Should().BeTrue();
        failures.Should().BeEmpty();
    }

    [Fact]
    public async Task A_rank_that_ends_without_leaving_is_named_to_one_that_leaves()
    {
        IdleEngine engine = new();
        LaunchedProcessGroup group = Group(0, ofFirst, engine);
        Task leaving = Task.Run(group.Dispose, TestContext.Current.CancellationToken);

        ofSecond.Dispose();
        await leaving.WaitAsync(Limit, TestContext.Current.CancellationToken);

        engine.IsDisposed.Should().BeFalse();
        failures.Should().ContainSingle().Which.Should().StartWith("The process of rank 1 ended.");
    }

    [Fact]
    public async Task A_process_whose_engine_does_not_end_is_ended()
    {
        using ManualResetEventSlim ended = new();
        IdleEngine engine = new() { EndsAfter = ended };
        ofSecond.Send(ControlMessage.Beat(ControlMessage.Kind.Leave, operations: 0, step: 0));
        ProcessGroupOptions brief = Passed with { MaxSilence = TimeSpan.FromSeconds(2) };
        LaunchedProcessGroup group = new(engine, Place(0), ofFirst, brief, (_, reason, _) =>
        {
            failures.Enqueue(reason);
            ended.Set();
        });

        await Task.Run(group.Dispose, TestContext.Current.CancellationToken).WaitAsync(Limit, TestContext.Current.CancellationToken);

        failures.Should().ContainSingle().Which.Should().StartWith("none did not end within 2 s after the last operation");
    }

    private LaunchedProcessGroup Group(int rank, ControlConnection?[] connections, IdleEngine engine) =>
        new(engine, Place(rank), connections, Passed, (_, reason, _) => failures.Enqueue(reason));

    private static ProcessPlace Place(int rank) => new("torchrun", rank, 2, rank);

    /// <summary>Carries nothing.</summary>
    private sealed class IdleEngine : ICollectiveEngine
    {
        public bool IsDisposed { get; private set; }

        /// <summary>What its end waits for; null for nothing.</summary>
        public ManualResetEventSlim? EndsAfter { get; init; }

        public string Name => "none";

        public Device Device => CPU;

        public void Begin(GroupWatch watch)
        {
        }

        public IPendingOperation Start(long number, CollectiveCall call, Tensor? input, Tensor? output) =>
            throw new NotSupportedException();

        public void Fail(DistributedException error)
        {
        }

        public void Abort()
        {
        }

        public void Dispose()
        {
            EndsAfter?.Wait(Limit);
            IsDisposed = true;
        }
    }
}
