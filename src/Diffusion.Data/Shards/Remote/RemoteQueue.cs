namespace Diffusion.Data;

/// <summary>
/// Decides what is fetched next, over all files that are read while they are being fetched: first what readers wait for or have announced,
/// in that order, then the rest of the files in the order in which they were opened. Thread-safe.
/// </summary>
/// <param name="connections">The maximum number of simultaneous requests.</param>
internal sealed class RemoteQueue(int connections)
{
    /// <summary>The maximum number of blocks in one request: 1 MiB, so that urgent blocks do not wait long.</summary>
    public const int MaxBlocks = (1 << 20) / BlockMap.BlockBytes;

    private const int MaxBackground = 2;

    private readonly Lock gate = new();
    private readonly LinkedList<BlockRequest> requests = [];
    private readonly List<StreamedFile> files = [];
    private int running;
    private int background;

    /// <summary>Fetches the rest of a file in the background, whenever no reader waits for anything else.</summary>
    public void Add(StreamedFile file)
    {
        lock (gate)
        {
            if (!files.Contains(file))
            {
                files.Add(file);
            }
        }

        Start(MaxBackground);
    }

    /// <summary>Stops fetching a file.</summary>
    public void Remove(StreamedFile file)
    {
        lock (gate)
        {
            files.Remove(file);
            for (LinkedListNode<BlockRequest>? node = requests.First; node is not null;)
            {
                LinkedListNode<BlockRequest>? next = node.Next;
                if (node.Value.File == file)
                {
                    requests.Remove(node);
                }

                node = next;
            }
        }
    }

    /// <summary>Requests blocks: announced blocks in turn, unannounced blocks that a reader waits for at once.</summary>
    public void Request(StreamedFile file, int first, int last, bool isUrgent)
    {
        lock (gate)
        {
            if (requests.Any(request => request.File == file && request.First <= first && request.Last >= last))
            {
                return;
            }

            BlockRequest added = new(file, first, last);
            _ = isUrgent ? requests.AddFirst(added) : requests.AddLast(added);
        }

        Start(1);
    }

    private void Start(int workers)
    {
        lock (gate)
        {
            for (int i = 0; i < workers && running < connections; i++)
            {
                running++;
                _ = Task.Run(Work);
            }
        }
    }

    private async Task Work()
    {
        while (TryNext(out Piece piece))
        {
            try
            {
                await piece.File.Fetch(piece.Start, piece.Count).ConfigureAwait(false);
            }
            finally
            {
                lock (gate)
                {
                    background -= piece.IsBackground ? 1 : 0;
                }
            }
        }
    }

    private bool TryNext(out Piece piece)
    {
        lock (gate)
        {
            for (LinkedListNode<BlockRequest>? node = requests.First; node is not null;)
            {
                LinkedListNode<BlockRequest>? next = node.Next;
                BlockRequest request = node.Value;
                if (request.File.TryClaim(request.First, request.Last, MaxBlocks, out int start, out int count))
                {
                    piece = new Piece(request.File, start, count, IsBackground: false);
                    return true;
                }

                requests.Remove(node);
                node = next;
            }

            foreach (StreamedFile file in background < MaxBackground ? files : [])
            {
                if (file.TryClaim(0, file.LastBlock, MaxBlocks, out int start, out int count))
                {
                    background++;
                    piece = new Piece(file, start, count, IsBackground: true);
                    return true;
                }
            }

            running--;
            piece = default;
            return false;
        }
    }

    private sealed record BlockRequest(StreamedFile File, int First, int Last);

    private readonly record struct Piece(StreamedFile File, int Start, int Count, bool IsBackground);
}
