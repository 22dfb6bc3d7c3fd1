using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Data;

/// <summary>
/// Batches between the threads that fill them and the one that takes them in order. As many are under way as there are buffers: one budget
/// for all that is in work or waits.
/// </summary>
internal sealed class BatchQueue : IDisposable
{
    private readonly Lock gate = new();
    private readonly Stack<BatchWork> free;
    private readonly Dictionary<long, BatchWork> finished = [];
    private readonly SemaphoreSlim available;
    private readonly AutoResetEvent arrived = new(initialState: false);
    private readonly CancellationTokenSource stopping = new();
    private readonly BatchBuffer[] buffers;
    private long next;

    public BatchQueue(BatchBuffer[] buffers)
    {
        this.buffers = buffers;
        free = new Stack<BatchWork>(buffers.Select(buffer => new BatchWork(buffer)));
        available = new SemaphoreSlim(buffers.Length);
    }

    /// <summary>Cancelled when the loader ends.</summary>
    public CancellationToken Stopping => stopping.Token;

    /// <summary>Waits for a free buffer and gives it the next batch to fill; false when the loader ends.</summary>
    public bool TryTake([NotNullWhen(true)] out BatchWork? work)
    {
        work = null;
        try
        {
            available.Wait(Stopping);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        // The lowest number goes with the first free buffer, so that the batch that is waited for is always in work.
        lock (gate)
        {
            work = free.Pop();
            work.Begin(next++);
        }

        return true;
    }

    /// <summary>Takes back a batch that is filled or has failed.</summary>
    public void Finish(BatchWork work)
    {
        lock (gate)
        {
            finished.Add(work.Number, work);
        }

        arrived.Set();
    }

    /// <summary>Waits for one batch.</summary>
    public BatchWork Await(long number, CancellationToken cancellationToken)
    {
        WaitHandle[] handles = [arrived, cancellationToken.WaitHandle];
        while (true)
        {
            lock (gate)
            {
                if (finished.Remove(number, out BatchWork? work))
                {
                    return work;
                }
            }

            cancellationToken.ThrowIfCancellationRequested();
            WaitHandle.WaitAny(handles);
        }
    }

    /// <summary>Frees the buffer of a batch that was taken.</summary>
    public void Return(BatchWork work)
    {
        lock (gate)
        {
            free.Push(work);
        }

        available.Release();
    }

    /// <summary>No further batch is taken.</summary>
    public void Stop() => stopping.Cancel();

    public void Dispose()
    {
        Array.ForEach(buffers, buffer => buffer.Dispose());
        available.Dispose();
        arrived.Dispose();
        stopping.Dispose();
    }
}
