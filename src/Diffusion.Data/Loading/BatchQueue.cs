using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Data;

/// <summary>
/// Passes batches from the threads that fill them to the thread that consumes them in order. The number of buffers limits the number of
/// batches in work or waiting.
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

    /// <summary>Canceled when the loader is disposed.</summary>
    public CancellationToken Stopping => stopping.Token;

    /// <summary>Waits for a free buffer and assigns the next batch to it; false when the loader is disposed.</summary>
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

        // The first free buffer gets the lowest number, so that the next batch to be consumed is always in work.
        lock (gate)
        {
            work = free.Pop();
            work.Begin(next++);
        }

        return true;
    }

    /// <summary>Accepts a batch that is filled or has failed.</summary>
    public void Finish(BatchWork work)
    {
        lock (gate)
        {
            finished.Add(work.Number, work);
        }

        arrived.Set();
    }

    /// <summary>Waits for a batch.</summary>
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

    /// <summary>Frees the buffer of a consumed batch.</summary>
    public void Return(BatchWork work)
    {
        lock (gate)
        {
            free.Push(work);
        }

        available.Release();
    }

    /// <summary>Assigns no further batches.</summary>
    public void Stop() => stopping.Cancel();

    public void Dispose()
    {
        Array.ForEach(buffers, buffer => buffer.Dispose());
        available.Dispose();
        arrived.Dispose();
        stopping.Dispose();
    }
}
