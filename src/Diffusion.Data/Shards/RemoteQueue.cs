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

    private const int MaxBehind = 2;

    private readonly Lock gate = new();
    private readonly LinkedList<Wish> wishes = [];
    private readonly List<StreamedFile> files = [];
    private int running;
    private int behind;

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

        Start(MaxBehind);
    }

    /// <summary>Fetches nothing more of a file.</summary>
    public void Remove(StreamedFile file)
    {
        lock (gate)
        {
            files.Remove(file);
            for (LinkedListNode<Wish>? node = wishes.First; node is not null;)
            {
                LinkedListNode<Wish>? next = node.Next;
                if (node.Value.File == file)
                {
                    wishes.Remove(node);
                }

                node = next;
            }
        }
    }

    /// <summary>Fetches blocks soon: what was announced in its turn, what somebody waits for and nobody has announced at once.</summary>
    public void Want(StreamedFile file, int first, int last, bool isAwaited)
    {
        lock (gate)
        {
            if (wishes.Any(wish => wish.File == file && wish.First <= first && wish.Last >= last))
            {
                return;
            }

            Wish added = new(file, first, last);
            _ = isAwaited ? wishes.AddFirst(added) : wishes.AddLast(added);
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
            if (piece.IsBehind)
            {
                lock (gate)
                {
                    behind--;
                }
            }
        }
    }

    private bool TryNext(out Piece piece)
    {
        lock (gate)
        {
            for (LinkedListNode<Wish>? node = wishes.First; node is not null;)
            {
                LinkedListNode<Wish>? next = node.Next;
                Wish wish = node.Value;
                if (wish.File.TryClaim(wish.First, wish.Last, MaxBlocks, out int start, out int count))
                {
                    piece = new Piece(wish.File, start, count, IsBehind: false);
                    return true;
                }

                wishes.Remove(node);
                node = next;
            }

            foreach (StreamedFile file in behind < MaxBehind ? files : [])
            {
                if (file.TryClaim(0, file.LastBlock, MaxBlocks, out int start, out int count))
                {
                    behind++;
                    piece = new Piece(file, start, count, IsBehind: true);
                    return true;
                }
            }

            running--;
            piece = default;
            return false;
        }
    }

    private sealed record Wish(StreamedFile File, int First, int Last);

    private readonly record struct Piece(StreamedFile File, int Start, int Count, bool IsBehind);
}
