using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Carries tensors of a GPU by NCCL, on a stream of its own: an operation waits for the work that stream 0, on which libtorch computes,
/// had when the operation was started, and runs beside the work that comes later. No thread waits for the GPU, except in a barrier.
/// </summary>
internal sealed class NcclEngine : ICollectiveEngine
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan AbortLimit = TimeSpan.FromSeconds(2);

    private readonly NcclLibrary nccl;
    private readonly CudaDriver cuda;
    private readonly ProcessPlace place;
    private readonly NcclUniqueId id;
    private readonly ProcessGroupOptions options;
    private readonly MpiLibrary? mpi;
    private readonly Lock gate = new();
    private readonly Queue<NcclPending> running = [];
    private readonly Stack<nint> freeEvents = [];
    private readonly ManualResetEventSlim stops = new();
    private readonly Thread thread;
    private GroupWatch? watch;
    private nint context;
    private nint stream;
    private nint begin;
    private nint scratch;
    private nint communicator;
    private volatile DistributedException? failure;

    /// <param name="nccl">NCCL.</param>
    /// <param name="cuda">The driver of the GPU.</param>
    /// <param name="device">The GPU of this process.</param>
    /// <param name="place">The place of this process.</param>
    /// <param name="id">The id that rank 0 has made.</param>
    /// <param name="options">The deadlines.</param>
    /// <param name="mpi">MPI, if the processes have met by it; else null.</param>
    public NcclEngine(
        NcclLibrary nccl, CudaDriver cuda, Device device, ProcessPlace place, NcclUniqueId id, ProcessGroupOptions options,
        MpiLibrary? mpi)
    {
        (this.nccl, this.cuda, this.place, this.id, this.options, this.mpi) = (nccl, cuda, place, id, options, mpi);
        Device = device;
        thread = new Thread(Look) { IsBackground = true, Name = "NCCL" };
    }

    /// <inheritdoc/>
    public string Name => nccl.Version;

    /// <inheritdoc/>
    public Device Device { get; }

    /// <inheritdoc/>
    public void Begin(GroupWatch watch)
    {
        this.watch = watch;
        context = cuda.Retain(Math.Max(0, Device.index));
        using CudaDriver.Current current = cuda.Use(context);
        stream = cuda.CreateStream();
        begin = cuda.CreateEvent();
        scratch = cuda.Allocate(bytes: 1);
        communicator = nccl.Connect(id, place.Rank, place.WorldSize);
        try
        {
            WaitUntilReady(options.StartDeadline, "NCCL did not connect the processes");
        }
        catch (DistributedException)
        {
            AbortCommunicator();
            throw;
        }

        thread.Start();
    }

    /// <inheritdoc/>
    public IPendingOperation Start(long number, CollectiveCall call, Tensor? input, Tensor? output)
    {
        using CudaDriver.Current current = cuda.Use(context);
        cuda.Record(begin, stream: 0);
        cuda.Wait(stream, begin);
        Enqueue(call, input, output);
        WaitUntilReady(options.StartDeadline, $"NCCL did not start {call}"); // at once, but for the first of a kind
        lock (gate)
        {
            nint end = freeEvents.TryPop(out nint free) ? free : cuda.CreateEvent();
            cuda.Record(end, stream);
            NcclPending operation = new(this, number, call, end, input, output);
            running.Enqueue(operation);
            return operation;
        }
    }

    /// <inheritdoc/>
    public void Fail(DistributedException error) => failure = error;

    /// <inheritdoc/>
    public void Abort()
    {
        stops.Set();
        thread.Join(AbortLimit);
        AbortCommunicator();
        mpi?.Abort(ProcessGroups.FailureExitCode);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        using CudaDriver.Current current = cuda.Use(context);
        bool isIdle = SpinWait.SpinUntil(IsIdle, options.Deadline);
        stops.Set();
        thread.Join();
        if (!isIdle)
        {
            AbortCommunicator(); // the GPU hangs, and every process has left
            return;
        }

        nccl.Complete(communicator);
        WaitUntilReady(options.Deadline, "NCCL did not end");
        nccl.Free(communicator);
        cuda.FreeStream(stream);
        cuda.FreeEvent(begin);
        cuda.Free(scratch);
        foreach (nint free in freeEvents)
        {
            cuda.FreeEvent(free);
        }

        cuda.Release(Math.Max(0, Device.index));
        stops.Dispose();
        mpi?.Complete();
    }

    /// <summary>Whether an operation has finished.</summary>
    public bool HasFinished(NcclPending operation)
    {
        lock (gate)
        {
            return operation.IsDone || IsDone(operation);
        }
    }

    /// <summary>Makes the later work of stream 0 wait for an operation; of a barrier, waits until it has finished.</summary>
    public void Wait(NcclPending operation)
    {
        SpinWait spin = default;
        while (operation.Call.Kind == CollectiveKind.Barrier && failure is null && !HasFinished(operation))
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }

        if (failure is { } error)
        {
            throw new DistributedException($"{operation.Call} (operation {operation.Number}) failed. {error.Message}", error);
        }

        lock (gate)
        {
            if (!operation.IsDone)
            {
                using CudaDriver.Current current = cuda.Use(context);
                cuda.Wait(stream: 0, operation.End);
            }
        }
    }

    // NCCL may wait for a GPU that does not answer.
    private void AbortCommunicator()
    {
        Thread aborting = new(() => nccl.Abort(communicator)) { IsBackground = true, Name = "NCCL abort" };
        aborting.Start();
        aborting.Join(AbortLimit);
    }

    private bool IsDone(NcclPending operation)
    {
        using CudaDriver.Current current = cuda.Use(context);
        return cuda.IsDone(operation.End);
    }

    private bool IsIdle()
    {
        lock (gate)
        {
            return running.Count == 0;
        }
    }

    private void Enqueue(CollectiveCall call, Tensor? input, Tensor? output)
    {
        nint from = input is null ? 0 : TensorAddress.Of(input);
        nint to = output is null ? 0 : TensorAddress.Of(output);
        switch (call.Kind)
        {
            case CollectiveKind.Barrier:
                nccl.Barrier(scratch, communicator, stream);
                break;
            case CollectiveKind.AllReduce:
                nccl.AllReduce(to, call.Count, call.Type!.Value, call.Reduction, communicator, stream);
                break;
            case CollectiveKind.Broadcast:
                nccl.Broadcast(to, call.Count, call.Type!.Value, call.Root, communicator, stream);
                break;
            case CollectiveKind.AllGather:
                nccl.AllGather(from, to, call.Count, call.Type!.Value, communicator, stream);
                break;
            default:
                nccl.ReduceScatter(from, to, call.Count, call.Type!.Value, call.Reduction, communicator, stream);
                break;
        }
    }

    private void WaitUntilReady(TimeSpan limit, string problem)
    {
        long until = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        SpinWait spin = default;
        while (!nccl.IsReady(communicator))
        {
            ThrowIfFailed();
            if (Environment.TickCount64 > until)
            {
                throw new DistributedException($"{problem} within {limit.TotalSeconds:F0} s. Set NCCL_DEBUG=INFO to see more.");
            }

            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    private void ThrowIfFailed()
    {
        if (failure is { } error)
        {
            throw new DistributedException(error.Message, error);
        }
    }

    // Tells the watch which operations have finished, and what fails.
    private void Look()
    {
        try
        {
            while (!stops.Wait(BetweenLooks))
            {
                foreach (long number in Finished())
                {
                    watch!.Finish(number);
                }

                nccl.IsReady(communicator);
            }
        }
        catch (Exception error)
        {
            watch!.Fail(error.Message); // the watch ends this process
        }
    }

    private List<long> Finished()
    {
        List<long> numbers = [];
        lock (gate)
        {
            while (running.TryPeek(out NcclPending? first) && IsDone(first))
            {
                first.IsDone = true;
                freeEvents.Push(first.End);
                numbers.Add(running.Dequeue().Number);
            }
        }

        return numbers;
    }
}
