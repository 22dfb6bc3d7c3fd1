using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// What one objective of one run learns and remembers. A trainer lays the parameters behind those of the network in its flat buffers,
/// updates both together, and saves parameters and tensors in each checkpoint.
/// </summary>
public sealed class ObjectiveState : IDisposable
{
    /// <summary>Joins parameters and tensors; both belong to this object from now on.</summary>
    /// <param name="module">Holds the trained parameters, float32; null for none.</param>
    /// <param name="tensors">What else is remembered, by name; null for nothing. The tensors are changed in place.</param>
    public ObjectiveState(nn.Module? module, IReadOnlyDictionary<string, Tensor>? tensors = null)
    {
        Module = module;
        Tensors = tensors ?? new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (Tensor tensor in Tensors.Values)
        {
            tensor.DetachFromDisposeScope();
        }
    }

    /// <summary>Holds the trained parameters; null where there are none.</summary>
    public nn.Module? Module { get; }

    /// <summary>What else is remembered, by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>
    /// What is to be remembered of the images of a step, in their order: several processes remember it together after the step. Null where
    /// it is remembered at once.
    /// </summary>
    internal List<double>? Notes { get; set; }

    /// <summary>Frees parameters and tensors.</summary>
    public void Dispose()
    {
        Module?.Dispose();
        foreach (Tensor tensor in Tensors.Values)
        {
            tensor.Dispose();
        }
    }
}
