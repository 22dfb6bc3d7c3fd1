using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Notices in a backward pass when the gradients of a layer are complete: the inputs of each layer are marked, and the backward pass
/// reaches a mark after it has added the gradients of the layer's parameters.
/// </summary>
/// <remarks>
/// A layer that is called several times is complete after as many marks. Recomputation (gradient checkpointing) calls layers without
/// gradients in the forward pass, and marks them when it calls them again. Other calls without gradients, like those of a first estimate
/// (self-conditioning), do not count. A layer whose input needs no gradient is never complete, like one that is not called with
/// <c>call</c>.
/// </remarks>
internal sealed class LayerMarks : IDisposable
{
    private readonly List<Action> removals = [];
    private readonly Action<int> onComplete;
    private readonly int[] calls;
    private readonly int[] passed;
    private Tensor? returned;
    private Phase phase;

    /// <param name="layers">The layers.</param>
    /// <param name="onComplete">Receives the index of a layer whose gradients are complete, possibly on a thread of libtorch.</param>
    public LayerMarks(IReadOnlyList<nn.Module<Tensor, Tensor>> layers, Action<int> onComplete)
    {
        this.onComplete = onComplete;
        calls = new int[layers.Count];
        passed = new int[layers.Count];
        for (int layer = 0; layer < layers.Count; layer++)
        {
            int index = layer;
            removals.Add(layers[layer].register_forward_pre_hook((_, input) => Mark(index, input)).remove);
        }
    }

    private enum Phase
    {
        Off,
        Forward,
        Backward,
    }

    /// <summary>The first exception of a callback in the last backward pass; null if there was none.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Whether a layer was called in the forward pass, apart from calls that do not count.</summary>
    /// <param name="layer">Its index.</param>
    public bool WasCalled(int layer) => calls[layer] > 0;

    /// <summary>Starts to mark the inputs of layers.</summary>
    public void BeginForward()
    {
        Array.Clear(calls);
        Array.Clear(passed);
        Failure = null;
        phase = Phase.Forward;
    }

    /// <summary>Ends the forward pass. Later calls of layers are recomputations.</summary>
    public void BeginBackward() => phase = Phase.Backward;

    /// <summary>Ends the backward pass.</summary>
    public void End()
    {
        phase = Phase.Off;
        returned?.Dispose();
        returned = null;
    }

    public void Dispose()
    {
        removals.ForEach(remove => remove());
        End();
    }

    private Tensor Mark(int layer, Tensor input)
    {
        if (phase == Phase.Off)
        {
            return input;
        }

        if (phase == Phase.Forward && (is_grad_enabled() || CheckpointedCall.IsRunning))
        {
            calls[layer]++;
        }

        return is_grad_enabled() && input.requires_grad ? BackwardMark.Apply(input, gradient => Pass(layer, gradient)) : input;
    }

    private void Pass(int layer, Tensor gradient)
    {
        // libtorch has its own reference to the gradient of the previous mark by now.
        returned?.Dispose();
        returned = gradient;
        if (phase != Phase.Backward || ++passed[layer] != calls[layer])
        {
            return;
        }

        try
        {
            onComplete(layer);
        }
#pragma warning disable CA1031 // An exception would pass through native code, which ends the process.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Failure ??= failure;
        }
    }
}
