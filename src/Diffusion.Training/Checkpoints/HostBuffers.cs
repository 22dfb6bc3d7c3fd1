using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Tensors on the CPU that are filled again for each checkpoint, so that the state may change while they are saved.</summary>
internal sealed class HostBuffers : IDisposable
{
    private readonly Dictionary<string, Tensor> buffers = new(StringComparer.Ordinal);

    /// <summary>Returns the tensor with a key, which belongs to this object. Its values are undefined.</summary>
    /// <param name="key">The key.</param>
    /// <param name="shape">Its shape, the same at each call.</param>
    /// <param name="type">Its element type, the same at each call.</param>
    public Tensor Get(string key, IReadOnlyList<long> shape, ScalarType type)
    {
        if (!buffers.TryGetValue(key, out Tensor? buffer))
        {
            buffer = empty([.. shape], type, CPU).DetachFromDisposeScope();
            buffers.Add(key, buffer);
        }

        return buffer;
    }

    /// <summary>Copies a state.</summary>
    public Checkpoint Copy(Checkpoint live) => new(
        live.Manifest, Copy("weights", live.Weights), [.. live.Averages.Select((average, place) => Copy($"average {place}", average))],
        Copy("optimizer", live.Optimizer));

    /// <summary>Copies a set of tensors.</summary>
    /// <param name="set">The name of the set.</param>
    /// <param name="live">The tensors.</param>
    public IReadOnlyDictionary<string, Tensor> Copy(string set, IReadOnlyDictionary<string, Tensor> live)
    {
        using IDisposable noGradients = no_grad();
        return live.ToDictionary(
            one => one.Key, one => Get($"{set} {one.Key}", one.Value.shape, one.Value.dtype).copy_(one.Value), StringComparer.Ordinal);
    }

    public void Dispose()
    {
        foreach (Tensor buffer in buffers.Values)
        {
            buffer.Dispose();
        }
    }
}
