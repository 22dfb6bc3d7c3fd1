using System.Net;
using System.Net.Sockets;
using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed.Nccl;

/// <summary>The engine with a stub of NCCL and of CUDA's driver, whose device is the CPU.</summary>
public sealed class NcclEngineTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly ProcessGroupOptions Waits = new() { StartDeadline = Limit };
    private readonly ManualResetEventSlim ended = new();
    private string where = string.Empty;
    private string reason = string.Empty;

    public NcclEngineTests() => NcclStub.Reset();

    public void Dispose() => ended.Dispose();

    [Fact]
    public void It_connects_without_blocking_with_the_id_of_rank_0()
    {
        NcclStub.BusyLooks = 5;

        using LaunchedProcessGroup group = Group();

        group.Engine.Should().Be("NCCL 2.27.5");
        NcclStub.Calls.Should().ContainInOrder("CtxRetain 0", "StreamCreate 1", "EventCreate 2", "MemAlloc 1", "InitRank 0 of 1");
        NcclStub.Id.Should().HaveCount(128).And.AllBeEquivalentTo((byte)9);
        NcclStub.Config.Should().BeEquivalentTo(
            new { Size = (nuint)40, Magic = 0xcafebeefu, Version = 21700u, Blocking = 0, MinCtas = int.MinValue, NetName = (nint)0 });
    }

    [Theory]
    [InlineData(ScalarType.Int64, 4)]
    [InlineData(ScalarType.Float16, 6)]
    [InlineData(ScalarType.Float32, 7)]
    [InlineData(ScalarType.BFloat16, 9)]
    public void Each_operation_is_passed_on_with_its_numbers(ScalarType type, int code)
    {
        using LaunchedProcessGroup group = Group();
        using Tensor values = arange(6, dtype: ScalarType.Int64).to(type);
        using Tensor gathered = zeros(6, type);
        using Tensor scattered = zeros(6, type);

        group.AllReduce(values).Wait();
        group.AllReduce(values, ReduceOperation.Max).Wait();
        group.AllReduce(values, ReduceOperation.Min).Wait();
        group.Broadcast(values).Wait();
        group.AllGather(gathered, values).Wait();
        group.ReduceScatter(scattered, values, ReduceOperation.Max).Wait();
        group.Barrier();

        NcclStub.Calls.Where(call => call.EndsWith(" 30 20", StringComparison.Ordinal)).Should().Equal(
            $"AllReduce True 6 type {code} operation 0 30 20", $"AllReduce True 6 type {code} operation 2 30 20",
            $"AllReduce True 6 type {code} operation 3 30 20", $"Broadcast True 6 type {code} root 0 30 20",
            $"AllGather 6 type {code} 30 20", $"ReduceScatter 6 type {code} operation 2 30 20",
            "AllReduce True 1 type 1 operation 2 30 20");
        gathered.bytes.SequenceEqual(values.bytes).Should().BeTrue();
        scattered.bytes.SequenceEqual(values.bytes).Should().BeTrue();
    }

    [Fact]
    public void An_operation_waits_for_the_work_before_it_and_later_work_waits_for_the_operation()
    {
        using LaunchedProcessGroup group = Group();
        using Tensor values = ones(4);
        NcclStub.EndsAtOnce = false;

        IPendingOperation operation = group.AllReduce(values);
        operation.IsCompleted.Should().BeFalse();
        operation.Wait();

        NcclStub.Calls.Should().ContainInConsecutiveOrder(
            "EventRecord 101 on 0", "StreamWaitEvent 20 for 101", "AllReduce True 4 type 7 operation 0 30 20", "EventCreate 2",
            "EventRecord 102 on 20", "StreamWaitEvent 0 for 102");
        NcclStub.FinishAll();
        operation.IsCompleted.Should().BeTrue();
    }

    [Fact]
    public void An_operation_that_NCCL_starts_later_is_recorded_after_its_start()
    {
        using LaunchedProcessGroup group = Group();
        using Tensor values = ones(4);
        NcclStub.BusyLooks = 100;

        group.AllReduce(values).Wait();

        NcclStub.BusyLooks.Should().BeLessThanOrEqualTo(0);
        NcclStub.Calls.Should().ContainInOrder("AllReduce True 4 type 7 operation 0 30 20", "EventRecord 102 on 20");
    }

    [Fact]
    public void In_the_end_everything_is_freed()
    {
        LaunchedProcessGroup group = Group();
        using Tensor values = ones(4);
        group.AllReduce(values).Wait();
        group.Barrier();

        group.Dispose();

        NcclStub.Calls.Should().ContainInOrder(
            "CommFinalize 30", "CommDestroy 30", "StreamDestroy 20", "EventDestroy 101", "MemFree 40", "CtxRelease 0");
        NcclStub.Calls.Count(call => call.StartsWith("EventDestroy", StringComparison.Ordinal))
            .Should().Be(NcclStub.Calls.Count(call => call == "EventCreate 2"));
        NcclStub.Calls.Should().NotContain("CommAbort 30");
        ended.IsSet.Should().BeFalse();
    }

    [Fact]
    public void An_operation_that_outlives_its_deadline_ends_the_group()
    {
        LaunchedProcessGroup group = Group(deadline: TimeSpan.FromMilliseconds(50));
        using Tensor values = ones(1000);
        NcclStub.EndsAtOnce = false;
        group.Step = 7;

        IPendingOperation operation = group.AllReduce(values);

        ended.Wait(Limit, TestContext.Current.CancellationToken).Should().BeTrue();
        where.Should().Be("rank 0 of 1, step 7, in AllReduce Sum of 1,000 float32 (operation 0)");
        reason.Should().Contain("did not finish before its deadline on rank 0 at step 7.");
        NcclStub.Calls.Should().EndWith("CommAbort 30");
        operation.Invoking(o => o.Wait()).Should().Throw<DistributedException>().WithMessage("AllReduce Sum of 1,000 float32*deadline*");
        group.Invoking(g => g.Barrier()).Should().Throw<DistributedException>().WithMessage("Barrier was called after*");
        group.Dispose();
        NcclStub.Calls.Should().NotContain("CommFinalize 30");
    }

    [Fact]
    public async Task A_barrier_that_waits_ends_with_the_reason_of_an_abort()
    {
        using LaunchedProcessGroup group = Group();
        NcclStub.EndsAtOnce = false;

        Task barrier = Task.Run(() => group.Barrier(), TestContext.Current.CancellationToken);
        group.Abort("The disk is full.");

        (await FluentActions.Awaiting(() => barrier).Should().ThrowAsync<DistributedException>()).WithMessage("*The disk is full.");
        ended.Wait(Limit, TestContext.Current.CancellationToken).Should().BeTrue();
        reason.Should().Be("Rank 0 at step 0: The disk is full.");
    }

    [Theory]
    [InlineData("communicator", "The communicator of NCCL failed: unhandled system error (peer is gone). Set NCCL_DEBUG=INFO to see more.")]
    [InlineData("event", "cuEventQuery failed: unhandled system error (error 700 of CUDA).")]
    public void An_error_behind_an_operation_ends_the_group(string where, string message)
    {
        using LaunchedProcessGroup group = Group();
        using Tensor values = ones(4);
        NcclStub.EndsAtOnce = false;
        group.AllReduce(values).Wait();

        if (where == "event")
        {
            NcclStub.Fail("EventQuery", 700);
        }
        else
        {
            NcclStub.SetCause("peer is gone");
            NcclStub.AsyncError = 6;
        }

        ended.Wait(Limit, TestContext.Current.CancellationToken).Should().BeTrue();
        reason.Should().Be($"Rank 0 at step 0: {message}");
    }

    [Fact]
    public void An_operation_that_cannot_start_throws_and_ends_the_group()
    {
        using LaunchedProcessGroup group = Group();
        using Tensor values = ones(4);
        NcclStub.Fail("AllReduce", 4);

        group.Invoking(g => g.AllReduce(values)).Should().Throw<DistributedException>().WithMessage("ncclAllReduce failed: *");
        ended.Wait(Limit, TestContext.Current.CancellationToken).Should().BeTrue();
    }

    [Fact]
    public void A_communicator_that_does_not_connect_is_aborted_and_the_process_may_continue()
    {
        NcclStub.IsStuck = true;

        FluentActions.Invoking(() => Group(start: TimeSpan.FromMilliseconds(50))).Should().Throw<DistributedException>()
            .WithMessage("NCCL did not connect the processes within 0 s.*");
        NcclStub.Calls.Should().EndWith("CommAbort 30");
        ended.IsSet.Should().BeFalse();
    }

    [Fact]
    public void Two_processes_on_one_GPU_are_told_how_to_choose_theirs()
    {
        NcclStub.AsyncError = 5;
        NcclStub.SetCause("Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 18000");

        FluentActions.Invoking(() => Group()).Should().Throw<DistributedException>()
            .WithMessage("*Duplicate GPU detected*ComputeDevice.Cuda(ProcessPlace.Read().LocalRank). If CUDA_VISIBLE_DEVICES shows all*");
    }

    [Theory]
    [InlineData("CtxRetain", "cuDevicePrimaryCtxRetain failed: unhandled system error (error 2 of CUDA).")]
    [InlineData("StreamCreate", "cuStreamCreate failed: *")]
    [InlineData("EventCreate", "cuEventCreate failed: *")]
    [InlineData("MemAlloc", "cuMemAlloc failed: *")]
    [InlineData("InitRank", "ncclCommInitRankConfig failed: unhandled system error. Set NCCL_DEBUG=INFO to see more.")]
    public void A_call_that_fails_at_the_start_is_named(string function, string message)
    {
        NcclStub.Fail(function, 2);

        FluentActions.Invoking(() => Group()).Should().Throw<DistributedException>().WithMessage(message);
    }

    [Fact]
    public async Task Two_ranks_share_the_id_and_a_lost_process_ends_the_other()
    {
        int port = FreePort();
        ProcessPlace first = new("torchrun", 0, 2, 0, "127.0.0.1", port);
        NcclLibrary library = new(NcclStub.Symbol);
        Task<Meeting> joining = Task.Run(
            () => Meeting.ByAddress(first with { Rank = 1, LocalRank = 1 }, library.Version, () => default, Waits),
            TestContext.Current.CancellationToken);
        Meeting meeting = Meeting.ByAddress(first, library.Version, () => library.CreateId().ToArray(), Waits);
        Meeting joined = await joining;
        joined.Shared.ToArray().Should().HaveCount(128).And.AllBeEquivalentTo((byte)9);
        using LaunchedProcessGroup group = Group(library, first, meeting);
        using Tensor values = ones(4);
        NcclStub.EndsAtOnce = false;
        group.AllReduce(values).Wait();

        Array.ForEach(joined.Connections, connection => connection!.Dispose());

        ended.Wait(Limit, TestContext.Current.CancellationToken).Should().BeTrue();
        reason.Should().StartWith("The process of rank 1 ended.");
        NcclStub.Calls.Should().EndWith("CommAbort 30");
    }

    [Fact]
    public void Without_an_address_the_variables_are_named() =>
        FluentActions.Invoking(() => Meeting.ByAddress(new ProcessPlace("torchrun", 1, 2, 1), "NCCL", () => default, Waits))
            .Should().Throw<DistributedException>()
            .WithMessage("torchrun started this process as rank 1 of 2, but MASTER_ADDR is not set.*");

    [Fact]
    public void NCCL_needs_a_GPU() =>
        FluentActions.Invoking(() => ProcessGroups.Create(
                () => ComputeDevice.Cpu(), new ProcessGroupOptions { Engine = ProcessGroupEngine.Nccl }, ProcessPlace.Alone))
            .Should().Throw<DistributedException>().WithMessage("NCCL carries tensors of NVIDIA GPUs, but the device is cpu.*");

    [Fact]
    public void Tensors_of_another_device_are_refused()
    {
        using LaunchedProcessGroup group = Group();
        using Tensor other = zeros(4, device: META);

        group.Invoking(g => g.AllReduce(other)).Should().Throw<ArgumentException>()
            .WithMessage("NCCL 2.27.5 carries tensors of cpu, but this one is on meta*");
    }

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private LaunchedProcessGroup Group(TimeSpan? deadline = null, TimeSpan? start = null)
    {
        NcclLibrary library = new(NcclStub.Symbol);
        ProcessPlace place = ProcessPlace.Alone;
        return Group(library, place, Meeting.ByAddress(place, library.Version, () => library.CreateId().ToArray(), Waits), deadline, start);
    }

    private LaunchedProcessGroup Group(
        NcclLibrary library, ProcessPlace place, Meeting meeting, TimeSpan? deadline = null, TimeSpan? start = null)
    {
        ProcessGroupOptions options = new() { Deadline = deadline ?? Limit, StartDeadline = start ?? Limit };
        NcclEngine engine = new(
            library, new CudaDriver(NcclStub.Symbol), CPU, place, NcclUniqueId.Read(meeting.Shared.Span), options, mpi: null);
        return new LaunchedProcessGroup(engine, place, meeting.Connections, options, End);
    }

    // In place of the end of the process.
    private void End(string at, string cause, Action abort)
    {
        (where, reason) = (at, cause);
        abort();
        ended.Set();
    }
}
