using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Carries tensors of the CPU by MPI. One thread makes the calls, so operations run beside the thread that trains.</summary>
internal sealed class MpiEngine : ICollectiveEngine
{
    private readonly MpiLibrary mpi;
    private readonly MpiOperations operations;
    private readonly BlockingCollection<MpiPending> queue = [];
    private readonly ConcurrentDictionary<long, MpiPending> pending = new();
    private readonly Thread thread;
    private GroupWatch? watch;
    private volatile DistributedException? failure;

    /// <param name="mpi">The library, after its start.</param>
    /// <param name="worldSize">The number of processes.</param>
    public MpiEngine(MpiLibrary mpi, int worldSize)
    {
        this.mpi = mpi;
        Name = mpi.Version();
        operations = new MpiOperations(mpi, worldSize);
        thread = new Thread(RunQueue) { IsBackground = true, Name = "MPI" };
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public Device Device => CPU;

    /// <inheritdoc/>
    public void Begin(GroupWatch watch)
    {
        this.watch = watch;
        thread.Start();
    }

    /// <inheritdoc/>
    public IPendingOperation Start(long number, CollectiveCall call, Tensor? input, Tensor? output)
    {
        MpiPending operation = new(number, call, input, output);
        pending[number] = operation;
        queue.Add(operation);
        if (failure is not null)
        {
            operation.Fail(failure); // it failed meanwhile, and may have missed this one
        }

        return operation;
    }

    /// <inheritdoc/>
    public void Fail(DistributedException error)
    {
        failure = error;
        foreach (MpiPending operation in pending.Values)
        {
            operation.Fail(error);
        }
    }

    /// <inheritdoc/>
    public void Abort() => mpi.Abort(ProcessGroups.FailureExitCode);

    /// <inheritdoc/>
    public void Dispose()
    {
        queue.CompleteAdding();
        thread.Join();
        mpi.Complete();
        operations.Dispose();
        queue.Dispose();
    }

    private void RunQueue()
    {
        foreach (MpiPending operation in queue.GetConsumingEnumerable())
        {
            try
            {
                operation.Run(operations);
                watch!.Finish(operation.Number);
                pending.TryRemove(operation.Number, out _);
            }
            catch (Exception error)
            {
                watch!.Fail(error.Message); // the watch ends this process
                return;
            }
        }
    }
}
