using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>
/// A remote file that is read while it is being fetched. Its bytes are written to a sparse local file; a reader waits until the bytes that
/// it needs have arrived. From a server that supports Range, the bytes that readers need come first, in blocks of 16 KiB; any other server
/// sends the file from its beginning. Thread-safe.
/// </summary>
internal sealed class StreamedFile : IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly Uri address;
    private readonly RemoteProbe probe;
    private readonly RemoteClient client;
    private readonly RemoteFileOptions options;
    private readonly RemoteQueue queue;
    private readonly SafeFileHandle part;
    private readonly Func<Task> commit;
    private readonly StreamedBlocks blocks;
    private volatile bool isFetchedWhole;

    /// <summary>A file of which nothing has been fetched yet.</summary>
    /// <param name="address">An http or https address.</param>
    /// <param name="probe">The version, including its length.</param>
    /// <param name="client">Sends the requests.</param>
    /// <param name="options">Timeouts and retries.</param>
    /// <param name="queue">Decides what is fetched next.</param>
    /// <param name="part">The local file for the bytes; closed with this object.</param>
    /// <param name="commit">Called when every byte has arrived: checks and keeps the file, or throws.</param>
    public StreamedFile(
        Uri address, RemoteProbe probe, RemoteClient client, RemoteFileOptions options, RemoteQueue queue, SafeFileHandle part,
        Func<Task> commit)
    {
        this.address = address;
        this.probe = probe;
        this.client = client;
        this.options = options;
        this.queue = queue;
        this.part = part;
        this.commit = commit;
        Length = probe.Version.Length!.Value;
        blocks = new StreamedBlocks(Length, options.Time);
    }

    /// <summary>The version that is fetched.</summary>
    public RemoteVersion Version => probe.Version;

    /// <summary>The size of the file, in bytes.</summary>
    public long Length { get; }

    /// <summary>The number of its last block.</summary>
    public int LastBlock => blocks.Count - 1;

    /// <summary>Whether the server can send parts of the file.</summary>
    public bool SupportsRanges => probe.SupportsRanges;

    /// <summary>Whether every byte has arrived.</summary>
    public bool IsComplete => blocks.IsComplete;

    /// <summary>Whether the file has changed on the server, or its bytes are wrong.</summary>
    public bool IsInvalid => blocks.IsInvalid;

    /// <summary>Whether the last attempt to fetch it failed.</summary>
    public bool HasFailed => blocks.HasFailed;

    /// <summary>Whether the whole file is wanted, not only what readers need.</summary>
    public bool IsFetchedWhole => isFetchedWhole;

    /// <summary>Starts to fetch the whole file, beginning with what readers need. Does nothing the second time.</summary>
    public void FetchAll()
    {
        isFetchedWhole = true;
        Start();
    }

    /// <summary>Whether these bytes have arrived.</summary>
    public bool Has(long offset, long size) => blocks.Has(offset, size);

    /// <summary>Announces that bytes will be read soon.</summary>
    public void Announce(long offset, long size)
    {
        if (SupportsRanges && size > 0 && !Has(offset, size))
        {
            queue.Request(this, BlockMap.BlockOf(offset), BlockMap.BlockOf(offset + size - 1), isUrgent: false);
        }
    }

    /// <summary>Reads bytes, waiting until they have arrived; fewer at the end of the file.</summary>
    public int Read(Span<byte> destination, long offset, CancellationToken cancellation)
    {
        int size = (int)Math.Clamp(Length - offset, 0, destination.Length);
        if (size > 0)
        {
            WaitFor(BlockMap.BlockOf(offset), BlockMap.BlockOf(offset + size - 1), cancellation);
        }

        int read = 0;
        while (read < size && RandomAccess.Read(part, destination[read..size], offset + read) is > 0 and int piece)
        {
            read += piece;
        }

        return read;
    }

    /// <summary>Fetches bytes for one reader at once, without storing them. Only from a server that supports Range.</summary>
    public byte[] FetchDirectly(long offset, int size, CancellationToken cancellation)
    {
        byte[] bytes = new byte[Math.Min(size, Length - offset)];
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stop.Token);
        RemotePiece piece = new(address, client, options, Version);
        Task.Run(() => piece.Fetch(offset, bytes.Length, Write, either.Token), CancellationToken.None).GetAwaiter().GetResult();
        return bytes;

        void Write(ReadOnlyMemory<byte> received, long at) => received.Span.CopyTo(bytes.AsSpan((int)(at - offset)));
    }

    /// <summary>Claims missing blocks, for the queue; false when there are none, or none can be fetched.</summary>
    public bool TryClaim(int first, int last, int max, out int start, out int count) =>
        blocks.TryClaim(first, last, max, out start, out count);

    /// <summary>Fetches claimed blocks. A failure is passed to those who wait.</summary>
    public async Task Fetch(int start, int count)
    {
        int next = start;
        long first = (long)start * BlockMap.BlockBytes;
        await Guard(async () =>
        {
            RemotePiece piece = new(address, client, options, Version);
            await piece.Fetch(first, blocks.EndOf(start + count - 1) - first, Write, stop.Token).ConfigureAwait(false);
        }).ConfigureAwait(false);
        blocks.Release(next, start + count - next);
        await Finish().ConfigureAwait(false);

        void Write(ReadOnlyMemory<byte> bytes, long at)
        {
            RandomAccess.Write(part, bytes.Span, at);
            while (next < start + count && blocks.EndOf(next) <= at + bytes.Length)
            {
                blocks.Add(next++);
            }
        }
    }

    /// <summary>Cancels the fetch and closes the local file. Whoever waits for bytes gets an error.</summary>
    public void Dispose()
    {
        queue.Remove(this);
        stop.Cancel();
        blocks.Close().GetAwaiter().GetResult();
        queue.Remove(this); // A fetch that ended meanwhile may have added it again.
        blocks.Fail(new ObjectDisposedException(
            nameof(StreamedFile), $"{RemoteFile.NameOf(address)}: it was closed while a reader waited for its bytes."));
        part.Dispose();
        stop.Dispose();
    }

    private void Start()
    {
        if (SupportsRanges)
        {
            queue.Add(this);
        }
        else if (blocks.TryStart())
        {
            _ = Task.Run(FetchInOrder);
        }
    }

    private async Task FetchInOrder()
    {
        await Guard(async () =>
        {
            RemoteFile file = new(address, client, options, expected: Version);
            using PartStream stream = new(part, OnProgress);
            await file.Fetch(stream, Length, stop.Token).ConfigureAwait(false);
            if (!IsComplete)
            {
                throw new RemoteChangedException(RemoteFile.NameOf(address));
            }
        }).ConfigureAwait(false);
        await Finish().ConfigureAwait(false);

        void OnProgress(long end)
        {
            int next = BlockMap.BlockOf(Math.Max(0, end - PartStream.MaxPieceBytes - BlockMap.BlockBytes));
            for (; next < blocks.Count && blocks.EndOf(next) <= end; next++)
            {
                blocks.Add(next);
            }
        }
    }

    private async Task Guard(Func<Task> fetch)
    {
        int attempt = blocks.Attempt;
        try
        {
            await fetch().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Dispose passes its own error to those who wait.
        }
        catch (RemoteException) when (attempt < blocks.Attempt)
        {
            // A newer attempt is running and fetches what this one has not.
        }
#pragma warning disable CA1031 // Whoever waits for the bytes gets it.
        catch (Exception problem)
#pragma warning restore CA1031
        {
            if (blocks.Fail(problem) && isFetchedWhole && problem is RemoteException)
            {
                _ = RetryLater(stop.Token);
            }
        }
    }

    // Nobody may be reading it, while others wait until this process has fetched it. A timer may fire a little early, hence a second more.
    private async Task RetryLater(CancellationToken cancellation)
    {
        await Task.Delay(StreamedBlocks.FailureLifetime + TimeSpan.FromSeconds(1), options.Time, cancellation)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (blocks.TryRetry())
        {
            Start();
        }
    }

    private async Task Finish()
    {
        if (blocks.TryStartCommit())
        {
            try
            {
                await commit().ConfigureAwait(false);
            }
#pragma warning disable CA1031 // Whoever reads the file gets it.
            catch (Exception problem)
#pragma warning restore CA1031
            {
                blocks.Fail(problem);
            }
        }

        IReadOnlyList<StreamedBlocks.Waiter> starved = blocks.EndFetch();
        if (starved.Count > 0 && (isFetchedWhole || !SupportsRanges))
        {
            Start();
        }
        else
        {
            foreach (StreamedBlocks.Waiter waiter in starved)
            {
                queue.Request(this, waiter.First, waiter.Last, isUrgent: true);
            }
        }
    }

    private void WaitFor(int first, int last, CancellationToken cancellation)
    {
        StreamedBlocks.Waiter? waiter = blocks.TryWait(first, last, out bool isRetry);
        if (isRetry && isFetchedWhole)
        {
            Start();
        }

        if (waiter is null)
        {
            return;
        }

        try
        {
            if (SupportsRanges)
            {
                queue.Request(this, first, last, isUrgent: true);
            }
            else
            {
                Start();
            }

            waiter.Source.Task.WaitAsync(cancellation).GetAwaiter().GetResult();
        }
        finally
        {
            blocks.EndWait(waiter);
        }
    }
}
