namespace Diffusion.Data;

/// <summary>
/// What is fetched next, over all files that are read while they are fetched: first what readers wait for or have announced, in their
/// order, then the rest of the files, in the order in which they were opened. Safe from several threads.
/// </summary>
/// <param name="connections">How many requests run at a time, at most.</param>
internal sealed class RemoteQueue(int connections)
{
    /// <summary>The most blocks of one request: 1 MiB, so that nobody waits long behind one.</summary>
    public const int MaxBlocks = (1 << 20) / BlockMap.BlockBytes;

    private const int MaxBackground = 2;

    private readonly Lock gate = new();
    private readonly LinkedList<BlockRequest> requests = [];
    private readonly List<StreamedFile> files = [];
    private int running;
    private int background;

    /// <summary>Fetches the rest of a file too, whenever nobody waits for anything else.</summary>
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

    /// <summary>Fetches nothing more of a file.</summary>
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

    /// <summary>Fetches blocks soon: what was announced in its turn, what somebody waits for and nobody has announced at once.</summary>
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
            await piece.File.Fetch(piece.Start, piece.Count);
            if (piece.IsBackground)
            {
                lock (gate)
                {
                    background--;
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
