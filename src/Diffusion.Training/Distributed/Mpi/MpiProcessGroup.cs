using System.Collections.Concurrent;
using System.Net.Sockets;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>A group of processes that <c>mpirun</c> or <c>mpiexec</c> started. One thread makes the calls, so operations run beside the
/// thread that trains.</summary>
internal sealed class MpiProcessGroup : IProcessGroup
{
    private readonly MpiLibrary mpi;
    private readonly MpiOperations operations;
    private readonly GroupWatch watch;
    private readonly BlockingCollection<MpiPending> queue = [];
    private readonly ConcurrentDictionary<long, MpiPending> pending = new();
    private readonly Thread thread;
    private DistributedException? failure;
    private bool isDisposed;

    private MpiProcessGroup(
        MpiLibrary mpi, ProcessPlace place, string engine, ControlConnection?[] connections, ProcessGroupOptions options)
    {
        this.mpi = mpi;
        Engine = engine;
        Rank = place.Rank;
        WorldSize = place.WorldSize;
        LocalRank = place.LocalRank;
        Deadline = options.Deadline;
        operations = new MpiOperations(mpi, WorldSize);
        thread = new Thread(RunQueue) { IsBackground = true, Name = "MPI" };
        watch = new GroupWatch(place, connections, options.MaxSilence, EndProcess);
        thread.Start();
        AppDomain.CurrentDomain.UnhandledException += OnUnhandledException;
    }

    /// <inheritdoc/>
    public string Engine { get; }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int WorldSize { get; }

    /// <inheritdoc/>
    public int LocalRank { get; }

    /// <inheritdoc/>
    public TimeSpan Deadline { get; }

    /// <inheritdoc/>
    public long Step
    {
        get => watch.Step;
        set => watch.Step = value;
    }

    /// <summary>Starts MPI and meets the other processes.</summary>
    /// <exception cref="DistributedException">MPI is missing or fails, or a process is missing or differs.</exception>
    public static MpiProcessGroup Create(ProcessPlace place, ProcessGroupOptions options)
    {
        MpiLibrary library = MpiLibrary.Load(place.Launcher);

        // .NET handles these signals itself; and a process that waits leaves its core to one that computes.
        NativeEnvironment.SetDefault("OMPI_MCA_opal_signal", "6");
        NativeEnvironment.SetDefault("OMPI_MCA_mpi_yield_when_idle", "1");
        library.Initialize();
        MpiPlaces.Check(library, place);
        string engine = library.Version();
        using Socket? listener = place.Rank == 0 ? Rendezvous.Listen(port: 0) : null;
        MpiMeetingPoint point = MpiMeetingPoint.Share(library, listener);
        RankIdentity identity = RankIdentity.OfThis(place, point.Token, engine);
        ControlConnection?[] connections = listener is not null
            ? Rendezvous.Accept(listener, identity, ReadOnlyMemory<byte>.Empty, options.StartDeadline)
            : [Rendezvous.Join(point.Hosts, point.Port, identity, options.StartDeadline).Connection];
        return new MpiProcessGroup(library, place, engine, connections, options);
    }

    /// <inheritdoc/>
    public IPendingOperation AllReduce(Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
        Start(CollectiveCall.AllReduce(values, operation), values, values);

    /// <inheritdoc/>
    public IPendingOperation Broadcast(Tensor values, int root = 0) =>
        Start(CollectiveCall.Broadcast(values, root, WorldSize), values, values);

    /// <inheritdoc/>
    public IPendingOperation AllGather(Tensor result, Tensor own) =>
        Start(CollectiveCall.AllGather(result, own, WorldSize), own, result);

    /// <inheritdoc/>
    public IPendingOperation ReduceScatter(Tensor result, Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
        Start(CollectiveCall.ReduceScatter(result, values, operation, WorldSize), values, result);

    /// <inheritdoc/>
    public void Barrier(TimeSpan? deadline = null) => Start(CollectiveCall.Barrier, null, null, deadline).Wait();

    /// <inheritdoc/>
    public void Abort(string reason) => watch.Fail(reason);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isDisposed)
        {
            return;
        }

        isDisposed = true;
        AppDomain.CurrentDomain.UnhandledException -= OnUnhandledException;
        queue.CompleteAdding();
        if (watch.Leave(Deadline))
        {
            thread.Join();
            mpi.Complete();
            operations.Dispose();
            queue.Dispose();
        }

        watch.Dispose();
    }

    private MpiPending Start(CollectiveCall call, Tensor? input, Tensor? output, TimeSpan? deadline = null)
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        if (input is not null && input.device_type != TorchSharp.DeviceType.CPU)
        {
            throw new ArgumentException($"{Engine} carries tensors of the CPU, but this one is on {input.device}. Use NCCL for GPUs.");
        }

        if (failure is not null)
        {
            throw new DistributedException($"{call} was called after the process group had failed. {failure.Message}", failure);
        }

        MpiPending operation = new(watch.Start(call, deadline ?? Deadline), call, input, output);
        pending[operation.Number] = operation;
        queue.Add(operation);
        if (failure is not null)
        {
            operation.Fail(failure); // it failed meanwhile, and may have missed this one
        }

        return operation;
    }

    private void RunQueue()
    {
        foreach (MpiPending operation in queue.GetConsumingEnumerable())
        {
            try
            {
                operation.Run(operations);
                watch.Finish(operation.Number);
                pending.TryRemove(operation.Number, out _);
            }
            catch (Exception error)
            {
                watch.Fail(error.Message); // the watch ends this process
                return;
            }
        }
    }

    private void OnUnhandledException(object sender, UnhandledExceptionEventArgs arguments) =>
        GroupFailure.Hold(this, arguments.ExceptionObject);

    private void EndProcess(string reason)
    {
        failure = new DistributedException(reason);
        foreach (MpiPending operation in pending.Values)
        {
            operation.Fail(failure);
        }

        // Not by MPI_Abort: mpirun would end this process by SIGTERM, before its exit code. It ends the others after any exit code but 0.
        GroupFailure.End(watch.Describe(), reason);
    }
}
