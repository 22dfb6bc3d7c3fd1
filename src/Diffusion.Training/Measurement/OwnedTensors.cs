using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>The tensors that one part of the training loop keeps.</summary>
internal sealed class OwnedTensors
{
    private const int MinTurns = 3;

    private readonly List<WeakReference<Tensor>> undisposed = [];
    private long detached;
    private long before;
    private int growingTurns;
    private bool isNoGarbage;

    /// <summary>How many there are.</summary>
    public long Count => Math.Max(0, detached + undisposed.Count);

    /// <summary>Whether there were more after each of the last turns that changed anything: what is kept once is no leak.</summary>
    public bool Grows => growingTurns >= MinTurns;

    /// <summary>Whether it may be only tensors that wait for the garbage collector.</summary>
    public bool MayBeGarbage => Grows && undisposed.Count > 0 && !isNoGarbage;

    /// <summary>A turn of the part has ended.</summary>
    /// <param name="more">How many more tensors of the thread live.</param>
    /// <param name="left">Those of them that are known.</param>
    public void Add(long more, IReadOnlyList<WeakReference<Tensor>> left)
    {
        detached += more - left.Count(tensor => !tensor.TryGetTarget(out Tensor? target) || !target.IsInvalid);
        undisposed.AddRange(left);
        Compare();
    }

    /// <summary>The garbage collector was here.</summary>
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
