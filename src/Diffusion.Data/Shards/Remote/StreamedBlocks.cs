namespace Diffusion.Data;

/// <summary>
/// The state of a file that is read while it is being fetched: which blocks have arrived, who waits for blocks, how many fetches are
/// running, and why the last one failed. Thread-safe.
/// </summary>
/// <param name="length">The size of the file, in bytes.</param>
/// <param name="time">Measures how old a failure is.</param>
internal sealed class StreamedBlocks(long length, TimeProvider time)
{
    /// <summary>A server that failed is not asked again for this long.</summary>
    public static readonly TimeSpan FailureLifetime = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly List<Waiter> waiters = [];
    private readonly BlockMap map = new(length);
    private TaskCompletionSource? drained;
    private Exception? failure;
    private long failedAt;
    private int attempt;
    private int activeFetches;
    private bool isCommitted;

    /// <summary>The number of blocks.</summary>
    public int Count => map.Count;

    /// <summary>Whether every block has arrived.</summary>
    public bool IsComplete
    {
        get
        {
            lock (gate)
            {
                return map.IsComplete;
            }
        }
    }

    /// <summary>Whether a fetch failed, and the file was not tried again since.</summary>
    public bool HasFailed
    {
        get
        {
            lock (gate)
            {
                return failure is not null;
            }
        }
    }

    /// <summary>Whether the file has changed on the server, or its bytes are wrong: trying again is useless.</summary>
    public bool IsInvalid
    {
        get
        {
            lock (gate)
            {
                return failure is not (null or RemoteException);
            }
        }
    }

    /// <summary>Increases whenever the file is tried again after a failure.</summary>
    public int Attempt
    {
        get
        {
            lock (gate)
            {
                return attempt;
            }
        }
    }

    /// <summary>Where a block ends.</summary>
    public long EndOf(int block) => map.EndOf(block);

    /// <summary>Whether these bytes have arrived.</summary>
    public bool Has(long offset, long size)
    {
        lock (gate)
        {
            return size == 0 || map.Has(BlockMap.BlockOf(offset), BlockMap.BlockOf(offset + size - 1));
        }
    }

    /// <summary>Starts the only fetch of the whole file; false when one is running, or none is needed or possible.</summary>
    public bool TryStart()
    {
        lock (gate)
        {
            bool canStart = activeFetches == 0 && !map.IsComplete && failure is null && drained is null;
            activeFetches += canStart ? 1 : 0;
            return canStart;
        }
    }

    /// <summary>Claims missing blocks and starts their fetch; false when no block is missing, or none can be fetched.</summary>
    public bool TryClaim(int first, int last, int max, out int start, out int count)
    {
        lock (gate)
        {
            (start, count) = (0, 0);
            if (failure is not null || drained is not null || !map.TryClaim(first, last, max, out start, out count))
            {
                return false;
            }

            activeFetches++;
            return true;
        }
    }

    /// <summary>Makes claimed blocks that have not arrived missing again.</summary>
    public void Release(int start, int count)
    {
        lock (gate)
        {
            map.Release(start, count);
        }
    }

    /// <summary>Records that a block has arrived.</summary>
    public void Add(int block)
    {
        lock (gate)
        {
            map.Add(block);
            foreach (Waiter waiter in waiters)
            {
                if (waiter.First <= block && block <= waiter.Last && map.Has(waiter.First, waiter.Last))
                {
                    waiter.Source.TrySetResult();
                }
            }
        }
    }

    /// <summary>Records a failure, and passes it to everybody who waits. The first failure is kept.</summary>
    /// <returns>Whether it is the first.</returns>
    public bool Fail(Exception problem)
    {
        lock (gate)
        {
            bool isFirst = failure is null;
            if (isFirst)
            {
                failure = problem;
                failedAt = time.GetTimestamp();
            }

            foreach (Waiter waiter in waiters)
            {
                waiter.Source.TrySetException(failure!);
            }

            return isFirst;
        }
    }

    /// <summary>Lets the file be tried again, if it failed long enough ago and a retry may help.</summary>
    public bool TryRetry()
    {
        lock (gate)
        {
            bool isRetry = drained is null && failure is RemoteException && time.GetElapsedTime(failedAt) >= FailureLifetime;
            failure = isRetry ? null : failure;
            attempt += isRetry ? 1 : 0;
            return isRetry;
        }
    }

    /// <summary>Starts to wait for blocks.</summary>
    /// <param name="first">The first block.</param>
    /// <param name="last">The last block.</param>
    /// <param name="isRetry">Whether an old failure was cleared, so that the file must be fetched again.</param>
    /// <returns>What to wait for; null when the blocks are here.</returns>
    /// <exception cref="IOException">The file failed, and it is too early to try again.</exception>
    /// <exception cref="ObjectDisposedException">No further fetch starts.</exception>
    public Waiter? TryWait(int first, int last, out bool isRetry)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(drained is not null, typeof(StreamedFile));
            isRetry = TryRetry();
            if (failure is not null)
            {
                throw failure;
            }

            if (map.Has(first, last))
            {
                return null;
            }

            Waiter waiter = new(first, last);
            waiters.Add(waiter);
            return waiter;
        }
    }

    /// <summary>Ends a wait.</summary>
    public void EndWait(Waiter waiter)
    {
        lock (gate)
        {
            waiters.Remove(waiter);
        }
    }

    /// <summary>True once, for the first fetch that ends after every block has arrived: it keeps the file.</summary>
    public bool TryStartCommit()
    {
        lock (gate)
        {
            bool isFirst = map.IsComplete && failure is null && !isCommitted;
            isCommitted |= isFirst;
            return isFirst;
        }
    }

    /// <summary>Ends a fetch.</summary>
    /// <returns>Those who still wait for blocks that no fetch will bring.</returns>
    public IReadOnlyList<Waiter> EndFetch()
    {
        lock (gate)
        {
            activeFetches--;
            bool isStarved = activeFetches == 0 && drained is null && failure is null && waiters.Count > 0 && !map.IsComplete;
            if (activeFetches == 0)
            {
                drained?.SetResult();
            }

            return isStarved ? [.. waiters.Where(waiter => !map.Has(waiter.First, waiter.Last))] : [];
        }
    }

    /// <summary>Lets no further fetch start.</summary>
    /// <returns>Completes when no fetch is running.</returns>
    public Task Close()
    {
        lock (gate)
        {
            drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return activeFetches == 0 ? Task.CompletedTask : drained.Task;
        }
    }

    /// <summary>Somebody who waits for blocks.</summary>
    internal sealed record Waiter(int First, int Last)
    {
        public TaskCompletionSource Source { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
