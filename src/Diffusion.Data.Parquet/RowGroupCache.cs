namespace Diffusion.Data.Parquet;

/// <summary>
/// Keeps the row groups that were used last, up to a number of bytes. Safe from several threads; those that want the same group at once
/// wait for one reading of it. A reading that fails is not kept.
/// </summary>
/// <param name="limit">The most bytes kept; the group that was read last is kept whatever its size.</param>
/// <param name="load">Reads a group.</param>
internal sealed class RowGroupCache(long limit, Func<int, byte[]?[]> load)
{
    private readonly Lock gate = new();
    private readonly Dictionary<int, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byUse = new(); // the last used first
    private long held;
    private int loads;

    /// <summary>How often a group was read.</summary>
    public int Loads => Volatile.Read(ref loads);

    /// <summary>The bytes of all groups that are kept.</summary>
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

    /// <summary>The image files of a group.</summary>
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

    /// <summary>Keeps nothing any more.</summary>
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

    // The first that comes back with a new group counts it, and drops what was used least until all fits.
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

        // Null until the group has been read and counted.
        public long? Bytes { get; set; }
    }
}
