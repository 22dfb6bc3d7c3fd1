namespace Diffusion.Data.Parquet;

/// <summary>
/// Caches the most recently used row groups, up to a number of bytes. Thread-safe; threads that request the same group at the same time
/// share one read. Failed reads are not cached.
/// </summary>
/// <param name="limit">The maximum number of bytes; the last group is kept whatever its size.</param>
/// <param name="load">Reads a group.</param>
internal sealed class RowGroupCache(long limit, Func<int, byte[]?[]> load)
{
    private readonly Lock gate = new();
    private readonly Dictionary<int, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byUse = new(); // the last used first
    private long held;
    private int loads;

    /// <summary>The number of reads.</summary>
    public int Loads => Volatile.Read(ref loads);

    /// <summary>The size of all cached groups, in bytes.</summary>
    public long Held
    {
        get
        {
            lock (gate)
            {
                return held;
            }
        }
    }

    /// <summary>Returns the image files of a group.</summary>
    public byte[]?[] Get(int group)
    {
        LinkedListNode<Entry> node = Touch(group);
        try
        {
            byte[]?[] rows = node.Value.Rows.Value;
            Settle(node);
            return rows;
        }
        catch
        {
            lock (gate)
            {
                Forget(node);
            }

            throw;
        }
    }

    /// <summary>Empties the cache.</summary>
    public void Clear()
    {
        lock (gate)
        {
            entries.Clear();
            byUse.Clear();
            held = 0;
        }
    }

    private LinkedListNode<Entry> Touch(int group)
    {
        lock (gate)
        {
            if (entries.TryGetValue(group, out LinkedListNode<Entry>? node))
            {
                byUse.Remove(node);
            }
            else
            {
                node = new LinkedListNode<Entry>(new Entry(group, new Lazy<byte[]?[]>(() => Load(group))));
                entries.Add(group, node);
            }

            byUse.AddFirst(node);
            return node;
        }
    }

    private byte[]?[] Load(int group)
    {
        Interlocked.Increment(ref loads);
        return load(group);
    }

    // The first thread that has read a new group counts it, and drops the least recently used groups until the rest fits.
    private void Settle(LinkedListNode<Entry> node)
    {
        lock (gate)
        {
            if (node.Value.Bytes is not null || node.List is null)
            {
                return;
            }

            // Rows that share an image share its array.
            node.Value.Bytes = node.Value.Rows.Value.Distinct().Sum(row => (long)(row?.Length ?? 0));
            held += node.Value.Bytes.Value;
            LinkedListNode<Entry>? last = byUse.Last;
            while (held > limit && last is not null)
            {
                LinkedListNode<Entry>? previous = last.Previous;
                if (last != node && last.Value.Bytes is not null)
                {
                    Forget(last);
                }

                last = previous;
            }
        }
    }

    private void Forget(LinkedListNode<Entry> node)
    {
        if (node.List is not null)
        {
            byUse.Remove(node);
            entries.Remove(node.Value.Group);
            held -= node.Value.Bytes ?? 0;
        }
    }

    private sealed class Entry(int group, Lazy<byte[]?[]> rows)
    {
        public int Group { get; } = group;

        public Lazy<byte[]?[]> Rows { get; } = rows;

        // Null until the group is read and counted.
        public long? Bytes { get; set; }
    }
}
