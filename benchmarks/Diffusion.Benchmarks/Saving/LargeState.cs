using Diffusion.TestKit;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>A checkpoint of a given size: weights, one average and two moments, of random numbers in tensors of 4 MiB.</summary>
internal sealed class LargeState : IDisposable
{
    private const int TensorElements = 1 << 20;
    private const int Parts = 4;

    private readonly List<Tensor> tensors = [];

    public LargeState(long bytes)
    {
        int each = (int)Math.Max(1, bytes / Parts / (TensorElements * sizeof(float)));
        Bytes = (long)Parts * each * TensorElements * sizeof(float);
        Dictionary<string, Tensor> weights = Set("weight", each);
        Dictionary<string, Tensor> average = Set("weight", each);
        Dictionary<string, Tensor> moments = Set("moment", 2 * each);
        using SampleCheckpoint sample = new(step: 1);
        CheckpointManifest manifest = sample.Value.Manifest with { Averages = CheckpointFormat.AveragesOf([EmaLaw.Default]) };
        Checkpoint = new Checkpoint(manifest, weights, [average],
            moments);
    }

    /// <summary>The state.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>The size of its tensors.</summary>
    public long Bytes { get; }

    /// <summary>The tensors of the state.</summary>
    public IReadOnlyList<Tensor> Tensors => tensors;

    /// <summary>The state at another step.</summary>
    public Checkpoint At(long step) => Checkpoint with { Manifest = Checkpoint.Manifest with { Step = step } };

    public void Dispose() => tensors.ForEach(tensor => tensor.Dispose());

    private Dictionary<string, Tensor> Set(string name, int count)
    {
        Dictionary<string, Tensor> set = new(StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            Tensor tensor = randn(TensorElements).DetachFromDisposeScope();
            tensors.Add(tensor);
            set.Add($"{name}.{i:D4}", tensor);
        }

        return set;
    }
}
