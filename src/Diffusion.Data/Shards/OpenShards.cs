using System.Diagnostics.CodeAnalysis;

namespace Diffusion.Data;

/// <summary>
/// Keeps the shards open that were used last, and opens each once however many threads want it. One that could not be opened is not tried
/// again for a minute: each of its thousand images would otherwise wait for the same server. One
/// that has changed is opened anew.
/// </summary>
/// <param name="open">Opens the shard of a number.</param>
/// <param name="time">What the minute is measured by.</param>
internal sealed class OpenShards(Func<int, CancellationToken, Shard> open, TimeProvider time) : IDisposable
{
    private const int MaxOpen = 64;
    private static readonly TimeSpan FailureLifetime = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly Dictionary<int, Slot> slots = [];
    private long uses;

    /// <summary>Uses a shard, which stays open meanwhile.</summary>
    /// <param name="number">Which.</param>
    /// <param name="use">What to do with it.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
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
                // Another thread was opening it, and was cancelled.
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

    // False when the shard has changed since it was opened: the next use opens it anew.
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
        lock (gate)
        {
            if (!slots.TryGetValue(number, out Slot? slot) || (slot.FailedAt is { } failed && time.GetElapsedTime(failed) >= FailureLifetime))
            {
                slot = new Slot(new Lazy<Shard>(() => open(number, cancellationToken)));
                slots[number] = slot;
                CloseOldest();
            }

            slot.Users++;
            slot.LastUse = ++uses;
            return slot;
        }
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

    private void CloseOldest()
    {
        while (slots.Count > MaxOpen && slots.Where(entry => entry.Value.Users == 0).ToArray() is [_, ..] idle)
        {
            (int number, Slot slot) = idle.MinBy(entry => entry.Value.LastUse);
            slots.Remove(number);
            slot.Close();
        }
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
