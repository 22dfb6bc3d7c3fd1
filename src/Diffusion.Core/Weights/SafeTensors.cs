using TorchSharp;

namespace Diffusion;

/// <summary>What a safetensors file held. It owns its tensors: they live until it is disposed, whatever dispose scope is open.</summary>
public sealed class SafeTensors : IDisposable
{
    internal SafeTensors(IReadOnlyDictionary<string, torch.Tensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The tensors by name, on the CPU, contiguous, without gradients. They belong to this object.</summary>
    public IReadOnlyDictionary<string, torch.Tensor> Tensors { get; }

    /// <summary>Free text that the writer left.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (torch.Tensor tensor in Tensors.Values)
        {
            tensor.Dispose();
        }
    }
}
