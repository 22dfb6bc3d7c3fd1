using Diffusion.Data;
using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>A small checkpoint in which every number is its step.</summary>
public sealed class SampleCheckpoint : IDisposable
{
    private static readonly EmaLaw[] Laws = [EmaLaw.Warmup(), EmaLaw.Warmup(0.999), EmaLaw.Warmup(0.99)];

    private readonly List<Tensor> tensors = [];

    /// <summary>A checkpoint of a step, with a number of elements in each of its files and up to three averages.</summary>
    public SampleCheckpoint(long step, int elements = 32, double? heldOutLoss = null, int averages = 2)
    {
        CheckpointManifest manifest = new()
        {
            Step = step,
            ImagesSeen = step * 64,
            SkippedSteps = 0,
            WarmupSteps = 0,
            Model = "sample",
            Schedule = "cosine",
            Prediction = PredictionType.Epsilon,
            Optimizer = "sample",
            Data = "sample",
            DataExtents = [new DataExtent(0, 1, string.Empty)],
            Device = "CPU",
            CpuThreads = 1,
            LibraryVersion = "1",
            TorchVersion = "2",
            HeldOutLoss = heldOutLoss,
            HeldOutStep = heldOutLoss is null ? null : step,
            Averages = CheckpointFormat.AveragesOf(Laws[..averages]),
            Options = new TrainingOptions { RunFolder = "run" },
        };
        Value = new Checkpoint(manifest, Set(), [.. Enumerable.Range(0, averages).Select(_ => Set())], Set());

        Dictionary<string, Tensor> Set()
        {
            Tensor tensor = full(elements, step, ScalarType.Float32).DetachFromDisposeScope();
            tensors.Add(tensor);
            return new Dictionary<string, Tensor>(StringComparer.Ordinal) { ["values"] = tensor };
        }
    }

    /// <summary>The checkpoint.</summary>
    public Checkpoint Value { get; }

    /// <summary>Loads the newest checkpoint of a store and checks every number in it.</summary>
    /// <returns>Its step; null if there is none.</returns>
    public static long? StepIn(CheckpointStore store, Action<string, string>? onDamaged = null)
    {
        long? found = null;
        store.LoadLatest(Look, onDamaged);
        return found;

        void Look(Checkpoint checkpoint)
        {
            found = checkpoint.Manifest.Step;
            foreach (Tensor tensor in checkpoint.Weights.Values.Concat(checkpoint.Optimizer.Values)
                .Concat(checkpoint.Averages.SelectMany(average => average.Values)))
            {
                if (tensor.data<float>().ToArray().Any(value => value != found.Value))
                {
                    throw new InvalidOperationException($"The checkpoint of step {found} holds other numbers.");
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => tensors.ForEach(tensor => tensor.Dispose());
}
