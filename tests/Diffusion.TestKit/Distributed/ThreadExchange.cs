using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>Where the ranks of a group of threads meet. The last rank to start an operation computes it for all.</summary>
internal sealed class ThreadExchange(int worldSize, TimeSpan deadline)
{
    private readonly Dictionary<long, ThreadOperation> started = [];
    private readonly long?[] leftAfter = new long?[worldSize];
    private string? abortReason;

    public int WorldSize => worldSize;

    public TimeSpan Deadline => deadline;

    public IPendingOperation Start(
        long number, int rank, long step, CollectiveCall call, Tensor? input, Tensor? output, TimeSpan limit)
    {
        lock (started)
        {
            ThrowIfAborted();
            if (!started.TryGetValue(number, out ThreadOperation? operation))
            {
                started[number] = operation = new ThreadOperation(call, number, worldSize);
            }

            int first = operation.FirstRank;
            if (first >= 0 && operation.Call != call)
            {
                Abort($"Operation {number} is {operation.Call} on rank {first}, but {call} on rank {rank} at step {step}.");
                ThrowIfAborted();
            }

            operation.Add(rank, input, output);
            CheckThatAllCome(operation);
            if (operation.IsComplete)
            {
                started.Remove(number);
                operation.Compute();
                Monitor.PulseAll(started);
            }

            return new Pending(this, operation, rank, step, limit);
        }
    }

    public void Leave(int rank, long operations)
    {
        lock (started)
        {
            leftAfter[rank] = operations;
            foreach (ThreadOperation operation in started.Values)
            {
                CheckThatAllCome(operation);
            }
        }
    }

    public void Abort(string reason)
    {
        lock (started)
        {
            abortReason ??= reason;
            Monitor.PulseAll(started);
        }
    }

    private void CheckThatAllCome(ThreadOperation operation)
    {
        int gone = Array.FindIndex(leftAfter, after => after <= operation.Number);
        if (gone >= 0)
        {
            Abort($"Rank {gone} left the group after {leftAfter[gone]} operations, but others wait for it in {operation.Call}.");
        }
    }

    private void Wait(ThreadOperation operation, int rank, long step, DateTime until)
    {
        lock (started)
        {
            while (!operation.IsComplete)
            {
                ThrowIfAborted();
                TimeSpan left = until - DateTime.UtcNow;
                if (left <= TimeSpan.Zero)
                {
                    Abort($"{operation.Call} (operation {operation.Number}) did not finish within its deadline at step {step} of rank "
                        + $"{rank}: {operation.Missing} did not start it.");
                    ThrowIfAborted();
                }

                Monitor.Wait(started, left);
            }
        }
    }

    private void ThrowIfAborted()
    {
        if (abortReason is not null)
        {
            throw new DistributedException(abortReason);
        }
    }

    private sealed class Pending(ThreadExchange exchange, ThreadOperation operation, int rank, long step, TimeSpan limit)
        : IPendingOperation
    {
        private readonly DateTime until = DateTime.UtcNow + limit;

        public bool IsCompleted
        {
            get
            {
                lock (exchange.started)
                {
                    return operation.IsComplete;
                }
            }
        }

        public void Wait() => exchange.Wait(operation, rank, step, until);

        public void Dispose()
        {
        }
    }
}
