using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Counts the tensors that each part of the training loop creates on the training thread and keeps. TorchSharp's count for the process is
/// not suitable: it includes other threads, and it never falls for the parameters of networks.
/// </summary>
internal sealed class TensorLedger
{
    [ThreadStatic]
    private static long ownedElsewhere;

    private readonly Dictionary<string, OwnedTensors> parts = new(StringComparer.Ordinal);
    private readonly List<WeakReference<Tensor>> left = [];
    private long last = OfThread;

    /// <summary>The parts that keep more and more tensors, and their number of tensors; empty in a healthy run.</summary>
    public IReadOnlyDictionary<string, long> Growing
    {
        get
        {
            // Unreferenced tensors are not a leak, although they live until the next garbage collection.
            if (parts.Values.Any(part => part.MayBeGarbage))
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                foreach (OwnedTensors part in parts.Values)
                {
                    part.Collected();
                }
            }

            return parts.Where(part => part.Value.Grows).ToDictionary(part => part.Key, part => part.Value.Count, StringComparer.Ordinal);
        }
    }

    private static long OfThread => DisposeScopeManager.Statistics.ThreadTotalLiveCount - ownedElsewhere;

    /// <summary>
    /// Excludes the tensors that this thread creates or disposes in the scope from all counts: their owner may dispose them on any thread.
    /// </summary>
    public static IDisposable Uncounted() => new OwnedElsewhere();

    /// <summary>Ends a part of the training loop.</summary>
    /// <param name="part">The name of the part.</param>
    public void End(string part)
    {
        long now = OfThread;
        if (now != last || left.Count > 0)
        {
            if (!parts.TryGetValue(part, out OwnedTensors? kept))
            {
                parts.Add(part, kept = new OwnedTensors());
            }

            kept.Add(now - last, left);
            left.Clear();
            last = now;
        }
    }

    /// <summary>Tracks the tensors that a user callback does not dispose. The user still owns them.</summary>
    /// <returns>A scope to dispose after the callback returns.</returns>
    public IDisposable Watch() => new WatchScope(this);

    private sealed class WatchScope(TensorLedger ledger) : IDisposable
    {
        private readonly DisposeScope scope = NewDisposeScope();

        public void Dispose()
        {
            IDisposable[] undisposed = [.. scope.DisposablesView];
            ledger.left.AddRange(undisposed.OfType<Tensor>().Select(tensor => new WeakReference<Tensor>(tensor)));
            scope.MoveToOuter(undisposed);
            scope.Dispose();
        }
    }

    private sealed class OwnedElsewhere : IDisposable
    {
        private readonly long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        public void Dispose() => ownedElsewhere += DisposeScopeManager.Statistics.ThreadTotalLiveCount - before;
    }
}
