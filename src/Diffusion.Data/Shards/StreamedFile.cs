using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>
/// A file on a server that is read while it is fetched. Its bytes lie in a sparse local file; a reader waits until those that it wants are
/// there. A server that answers Range is asked for what readers want first, in blocks of 16 KiB; any other sends the file from its
/// beginning. Safe from several threads.
/// </summary>
internal sealed class StreamedFile : IDisposable
{
    private static readonly TimeSpan FailureKept = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly List<Waiter> waiters = [];
    private readonly CancellationTokenSource stop = new();
    private readonly Uri address;
    private readonly RemoteProbe probe;
    private readonly RemoteClient client;
    private readonly RemoteFileOptions options;
    private readonly RemoteQueue queue;
    private readonly SafeFileHandle part;
    private readonly Func<Task> keep;
    private readonly BlockMap map;
    private TaskCompletionSource? drained;
    private Exception? failure;
    private long failedAt;
    private int trial;
    private int active;

    /// <summary>A file of which nothing is here yet.</summary>
    /// <param name="address">http or https.</param>
    /// <param name="probe">The version, with its length.</param>
    /// <param name="client">Sends the requests.</param>
    /// <param name="options">How patiently.</param>
    /// <param name="queue">Says what is fetched next.</param>
    /// <param name="part">Takes the bytes; closed with this file.</param>
    /// <param name="keep">Called once every byte is there: checks them and keeps them, or throws.</param>
    public StreamedFile(
        Uri address, RemoteProbe probe, RemoteClient client, RemoteFileOptions options, RemoteQueue queue, SafeFileHandle part,
            Func<Task> keep)
    {
        (this.address, this.probe, this.client, this.options, this.queue, this.part, this.keep) = (address, probe, client, options, queue,
            part, keep);
        Length = probe.Version.Length!.Value;
        map = new BlockMap(Length);
    }

    /// <summary>The version that is fetched.</summary>
    public RemoteVersion Version => probe.Version;

    /// <summary>How many bytes it has.</summary>
    public long Length { get; }

    /// <summary>The number of its last block.</summary>
    public int LastBlock => map.Count - 1;

    /// <summary>Whether single parts of it can be fetched.</summary>
    public bool HasRanges => probe.HasRanges;

    /// <summary>Whether every byte is there.</summary>
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

    /// <summary>Whether it has become another file on the server, or its bytes were found to be wrong.</summary>
    public bool IsSpoilt
    {
        get
        {
            lock (gate)
            {
                return failure is not (null or RemoteException);
            }
        }
    }

    /// <summary>Begins to fetch all of it, what readers want first. Does nothing the second time.</summary>
    public void FetchAll()
    {
        if (probe.HasRanges)
        {
            queue.Add(this);
            return;
        }

        lock (gate)
        {
            if (active == 0 && !map.IsComplete && failure is null)
            {
                active++;
                _ = Task.Run(FetchInOrder);
            }
        }
    }

    /// <summary>Whether these bytes are there.</summary>
    public bool Has(long offset, long size)
    {
        lock (gate)
        {
            return size == 0 || map.Has(BlockMap.BlockOf(offset), BlockMap.BlockOf(offset + size - 1));
        }
    }

    /// <summary>Says that bytes will be read soon.</summary>
    public void Announce(long offset, long size)
    {
        if (probe.HasRanges && size > 0 && !Has(offset, size))
        {
            queue.Want(this, BlockMap.BlockOf(offset), BlockMap.BlockOf(offset + size - 1), isAwaited: false);
        }
    }

    /// <summary>Reads bytes as soon as they are there; fewer at the end of the file.</summary>
    public int Read(Span<byte> destination, long offset, CancellationToken cancellation)
    {
        int size = (int)Math.Clamp(Length - offset, 0, destination.Length);
        if (size > 0)
        {
            Await(BlockMap.BlockOf(offset), BlockMap.BlockOf(offset + size - 1), cancellation);
        }

        int read = 0;
        while (read < size && RandomAccess.Read(part, destination[read..size], offset + read) is > 0 and int piece)
        {
            read += piece;
        }

        return read;
    }

    /// <summary>Fetches bytes for one reader, now and apart from the blocks. Only from a server that answers Range.</summary>
    public byte[] FetchApart(long offset, int size, CancellationToken cancellation)
    {
        byte[] bytes = new byte[Math.Min(size, Length - offset)];
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stop.Token);
        RemotePiece piece = new(address, client, options, Version);
        Task.Run(() => piece.Fetch(offset, bytes.Length, (got, at) => got.Span.CopyTo(bytes.AsSpan((int)(at - offset))), either.Token),
            CancellationToken.None)
            .GetAwaiter().GetResult();
        return bytes;
    }

    /// <summary>Claims missing blocks, for the queue; false when there are none, or none can be fetched.</summary>
    public bool TryClaim(int first, int last, int most, out int start, out int count)
    {
        lock (gate)
        {
            (start, count) = (0, 0);
            if (failure is not null || stop.IsCancellationRequested || !map.TryClaim(first, last, most, out start, out count))
            {
                return false;
            }

            active++;
            return true;
        }
    }

    /// <summary>Fetches claimed blocks. What fails goes to those who wait.</summary>
    public async Task Fetch(int start, int count)
    {
        int next = start;
        long first = (long)start * BlockMap.BlockBytes;
        await Guard(async () =>
        {
            RemotePiece piece = new(address, client, options, Version);
            await piece.Fetch(first, map.EndOf(start + count - 1) - first, Write, stop.Token);
        });

        void Write(ReadOnlyMemory<byte> bytes, long at)
        {
            RandomAccess.Write(part, bytes.Span, at);
            while (next < start + count && map.EndOf(next) <= at + bytes.Length)
            {
                Add(next++);
            }
        }

        lock (gate)
        {
            map.Release(next, start + count - next);
        }

        await Finish();
    }

    /// <summary>Ends the fetch and closes the local file. Whoever waits for bytes is told.</summary>
    public void Dispose()
    {
        queue.Remove(this);
        stop.Cancel();
        Task rest;
        lock (gate)
        {
            drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            rest = active == 0 ? Task.CompletedTask : drained.Task;
        }

        rest.GetAwaiter().GetResult();
        Fail(new ObjectDisposedException(nameof(StreamedFile),
            $"{RemoteFile.NameOf(address)}: it was closed while its bytes were awaited."));
        part.Dispose();
        stop.Dispose();
    }

    private async Task FetchInOrder()
    {
        await Guard(async () =>
        {
            RemoteFile file = new(address, client, options, expected: Version);
            await using PartStream stream = new(part, Reached);
            await file.Fetch(stream, Length, stop.Token);
            if (!IsComplete)
            {
                throw new RemoteChangedException(RemoteFile.NameOf(address));
            }
        });
        await Finish();

        void Reached(long end)
        {
            int next = BlockMap.BlockOf(Math.Max(0, end - PartStream.MaxWritten - BlockMap.BlockBytes));
            for (; next < map.Count && map.EndOf(next) <= end; next++)
            {
                Add(next);
            }
        }
    }

    private async Task Guard(Func<Task> fetch)
    {
        int begun;
        lock (gate)
        {
            begun = trial;
        }

        try
        {
            await fetch();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It is closed, and says so to those who wait.
        }
        catch (RemoteException) when (IsOfEarlierTrial(begun))
        {
            // The file is being tried anew meanwhile; what this fetch has left is fetched by that trial.
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            Fail(problem);
        }
    }

    private bool IsOfEarlierTrial(int begun)
    {
        lock (gate)
        {
            return begun < trial;
        }
    }

    private async Task Finish()
    {
        bool isLast;
        lock (gate)
        {
            isLast = active == 1 && map.IsComplete && failure is null;
        }

        if (isLast)
        {
            try
            {
                await keep();
            }
            catch (Exception problem) when (problem is IOException or ImageDataException or UnauthorizedAccessException)
            {
                Fail(problem);
            }
        }

        bool isLeftBehind;
        lock (gate)
        {
            active--;
            isLeftBehind = active == 0 && drained is null && failure is null && waiters.Count > 0 && !map.IsComplete;
            if (active == 0)
            {
                drained?.SetResult();
            }
        }

        if (isLeftBehind)
        {
            FetchAll();
        }
    }

    private void Await(int first, int last, CancellationToken cancellation)
    {
        Waiter waiter = new(first, last);
        bool again;
        lock (gate)
        {
            again = failure is RemoteException && options.Time.GetElapsedTime(failedAt) >= FailureKept;
            failure = again ? null : failure;
            trial += again ? 1 : 0;
            if (failure is not null)
            {
                throw failure;
            }

            if (map.Has(first, last))
            {
                return;
            }

            waiters.Add(waiter);
        }

        if (again || !probe.HasRanges)
        {
            FetchAll();
        }

        if (probe.HasRanges)
        {
            queue.Want(this, first, last, isAwaited: true);
        }

        try
        {
            waiter.Source.Task.WaitAsync(cancellation).GetAwaiter().GetResult();
        }
        finally
        {
            lock (gate)
            {
                waiters.Remove(waiter);
            }
        }
    }

    private void Add(int block)
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

    private void Fail(Exception problem)
    {
        lock (gate)
        {
            if (failure is null)
            {
                failure = problem;
                failedAt = options.Time.GetTimestamp();
            }

            foreach (Waiter waiter in waiters)
            {
                waiter.Source.TrySetException(failure);
            }
        }
    }

    private sealed record Waiter(int First, int Last)
    {
        public TaskCompletionSource Source { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
