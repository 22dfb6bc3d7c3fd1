using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Data;

/// <summary>
/// Keeps recently used shards open, and opens each shard once, however many threads use it. A shard that could not be opened is not tried
/// again for a minute: otherwise each of its thousand images would wait for the same server. A shard that has changed is reopened.
/// </summary>
/// <param name="open">Opens the shard with a given number.</param>
/// <param name="time">Measures the minute.</param>
internal sealed class OpenShards(Func<int, CancellationToken, Shard> open, TimeProvider time) : IDisposable
{
    private const int MaxOpen = 64;
    private static readonly TimeSpan FailureLifetime = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly Dictionary<int, Slot> slots = [];
    private long uses;

    /// <summary>Uses a shard, which is kept open meanwhile.</summary>
    /// <param name="number">The number of the shard.</param>
    /// <param name="use">Called with the open shard.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    public T Use<T>(int number, Func<Shard, T> use, CancellationToken cancellationToken)
    {
        for (bool isFirst = true; ; isFirst = false)
        {
            try
            {
                if (TryUse(number, use, mayHaveChanged: !isFirst, cancellationToken, out T? result))
                {
                    return result;
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Another thread that was opening it was canceled.
            }
        }
    }

    public void Dispose()
    {
        foreach (Slot slot in slots.Values)
        {
            slot.Close();
        }
    }

    // False when the shard has changed since it was opened: the next use reopens it.
    private bool TryUse<T>(
        int number, Func<Shard, T> use, bool mayHaveChanged, CancellationToken cancellationToken, [MaybeNullWhen(false)] out T result)
    {
        Slot slot = Rent(number, cancellationToken);
        Exception? failure = null;
        result = default;
        try
        {
            Shard shard = slot.Shard.Value;
            if (!mayHaveChanged && shard.HasChanged)
            {
                Forget(number, slot);
                return false;
            }

            result = use(shard);
            return true;
        }
        catch (Exception problem) when (!slot.Shard.IsValueCreated)
        {
            failure = problem;
            throw;
        }
        finally
        {
            Return(number, slot, failure);
        }
    }

    private void Forget(int number, Slot slot)
    {
        lock (gate)
        {
            slot.IsForgotten = true;
            if (slots.GetValueOrDefault(number) == slot)
            {
                slots.Remove(number);
            }
        }
    }

    private Slot Rent(int number, CancellationToken cancellationToken)
    {
        Slot[] oldest;
        Slot? slot;
        lock (gate)
        {
            bool isNew = !slots.TryGetValue(number, out slot)
                || (slot.FailedAt is { } failed && time.GetElapsedTime(failed) >= FailureLifetime);
            if (isNew)
            {
                slot = slots[number] = new Slot(new Lazy<Shard>(() => open(number, cancellationToken)));
            }

            slot!.Users++;
            slot.LastUse = ++uses;
            oldest = isNew ? TakeOldest() : [];
        }

        Array.ForEach(oldest, one => one.Close());
        return slot;
    }

    private void Return(int number, Slot slot, Exception? failure)
    {
        lock (gate)
        {
            slot.Users--;
            if (slot is { IsForgotten: true, Users: 0 })
            {
                slot.Close();
            }

            if (failure is OperationCanceledException && slots.GetValueOrDefault(number) == slot)
            {
                slots.Remove(number);
            }
            else if (failure is not null)
            {
                slot.FailedAt ??= time.GetTimestamp();
            }
        }
    }

    private Slot[] TakeOldest()
    {
        KeyValuePair<int, Slot>[] oldest =
        [
            .. slots.Where(entry => entry.Value.Users == 0).OrderBy(entry => entry.Value.LastUse).Take(Math.Max(0, slots.Count - MaxOpen)),
        ];
        Array.ForEach(oldest, entry => slots.Remove(entry.Key));
        return [.. oldest.Select(entry => entry.Value)];
    }

    private sealed class Slot(Lazy<Shard> shard)
    {
        public Lazy<Shard> Shard { get; } = shard;

        public int Users { get; set; }

        public long LastUse { get; set; }

        public long? FailedAt { get; set; }

        public bool IsForgotten { get; set; }

        public void Close()
        {
            if (Shard.IsValueCreated)
            {
                Shard.Value.Dispose();
            }
        }
    }
}
