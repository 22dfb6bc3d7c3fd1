using TorchSharp;

namespace Diffusion;

/// <summary>The content of a safetensors file. It owns its tensors, independent of dispose scopes.</summary>
public sealed class SafeTensors : IDisposable
{
    internal SafeTensors(IReadOnlyDictionary<string, torch.Tensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        Tensors = tensors;
        Metadata = metadata;
    }

    /// <summary>The tensors by name, on the CPU, contiguous, without gradients. They belong to this object.</summary>
    public IReadOnlyDictionary<string, torch.Tensor> Tensors { get; }

    /// <summary>The writer's free text.</summary>
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
