namespace Diffusion.Training;

/// <summary>Keeps the shards open that were used last, and opens each once however many threads want it.</summary>
internal sealed class OpenShards(Func<int, Shard> open) : IDisposable
{
    private const int MostOpen = 64;

    private readonly Lock gate = new();
    private readonly Dictionary<int, Slot> slots = [];
    private long uses;

    /// <summary>Uses a shard, which stays open meanwhile.</summary>
    public T Use<T>(int number, Func<Shard, T> use)
    {
        Slot slot = Rent(number);
        bool opened = false;
        try
        {
            Shard shard = slot.Shard.Value;
            opened = true;
            return use(shard);
        }
        finally
        {
            Return(number, slot, opened);
        }
    }

    public void Dispose()
    {
        foreach (Slot slot in slots.Values.Where(slot => slot.Shard.IsValueCreated))
        {
            slot.Shard.Value.Dispose();
        }
    }

    private Slot Rent(int number)
    {
        lock (gate)
        {
            if (!slots.TryGetValue(number, out Slot? slot))
            {
                slot = new Slot(new Lazy<Shard>(() => open(number)));
                slots.Add(number, slot);
                CloseOldest();
            }

            slot.Users++;
            slot.LastUse = ++uses;
            return slot;
        }
    }

    // A shard that could not be opened is forgotten, so that the next who wants it tries again.
    private void Return(int number, Slot slot, bool opened)
    {
        lock (gate)
        {
            slot.Users--;
            if (!opened && slots.GetValueOrDefault(number) == slot)
            {
                slots.Remove(number);
            }
        }
    }

    private void CloseOldest()
    {
        while (slots.Count > MostOpen && slots.Where(entry => entry.Value.Users == 0 && entry.Value.Shard.IsValueCreated).ToArray() is [_, ..] idle)
        {
            KeyValuePair<int, Slot> oldest = idle.MinBy(entry => entry.Value.LastUse);
            slots.Remove(oldest.Key);
            oldest.Value.Shard.Value.Dispose();
        }
    }

    private sealed class Slot(Lazy<Shard> shard)
    {
        public Lazy<Shard> Shard { get; } = shard;

        public int Users { get; set; }

        public long LastUse { get; set; }
    }
}
