using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The tensors that a part of the training loop keeps.</summary>
internal sealed class OwnedTensors
{
    private const int MinTurns = 3;

    private readonly List<WeakReference<Tensor>> undisposed = [];
    private long detached;
    private long before;
    private int growingTurns;
    private bool isNoGarbage;

    /// <summary>The number of tensors.</summary>
    public long Count => Math.Max(0, detached + undisposed.Count);

    /// <summary>Whether the number grew in each of the last turns that changed it. Tensors that are kept once are not a leak.</summary>
    public bool Grows => growingTurns >= MinTurns;

    /// <summary>Whether the growth may be tensors that wait for the garbage collector.</summary>
    public bool MayBeGarbage => Grows && undisposed.Count > 0 && !isNoGarbage;

    /// <summary>Records the end of a turn of the part.</summary>
    /// <param name="more">The increase in live tensors of the thread.</param>
    /// <param name="left">The tensors of the increase that are known.</param>
    public void Add(long more, IReadOnlyList<WeakReference<Tensor>> left)
    {
        detached += more - left.Count(tensor => !tensor.TryGetTarget(out Tensor? target) || !target.IsInvalid);
        undisposed.AddRange(left);
        Compare();
    }

    /// <summary>Updates the count after a garbage collection.</summary>
    public void Collected()
    {
        isNoGarbage = MayBeGarbage;
        long counted = undisposed.Count;
        Compare();
        isNoGarbage &= undisposed.Count == counted;
    }

    private void Compare()
    {
        undisposed.RemoveAll(tensor => !tensor.TryGetTarget(out Tensor? target) || target.IsInvalid);
        long now = detached + undisposed.Count;
        growingTurns = now > before ? growingTurns + 1 : now < before ? 0 : growingTurns;
        before = now;
    }
}
