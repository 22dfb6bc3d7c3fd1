using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Counts the tensors that each part of the training loop makes on the training thread and keeps. TorchSharp's count for the process cannot
/// tell: it takes in other threads, and never falls for the parameters of networks.
/// </summary>
internal sealed class TensorLedger
{
    [ThreadStatic]
    private static long ownedElsewhere;

    private readonly Dictionary<string, OwnedTensors> parts = new(StringComparer.Ordinal);
    private readonly List<WeakReference<Tensor>> left = [];
    private long last = OfThread;

    /// <summary>The parts that keep more and more tensors, and how many; none in a healthy run.</summary>
    public IReadOnlyDictionary<string, long> Growing
    {
        get
        {
            // What nobody holds is no leak, though it lives until the garbage collector comes.
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

    /// <summary>Leaves out of all counts what this thread makes or disposes meanwhile: its owner may dispose it on any thread.</summary>
    public static IDisposable Uncounted() => new OwnedElsewhere();

    /// <summary>Ends a part of the loop.</summary>
    /// <param name="part">Its name.</param>
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

    /// <summary>Watches which tensors a callback of the user leaves undisposed; they stay the user's.</summary>
    /// <returns>Dispose it when the callback has returned.</returns>
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
