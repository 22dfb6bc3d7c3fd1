namespace Diffusion.Training;

/// <summary>The layers that gradient checkpointing recomputes so that training fits its memory.</summary>
/// <param name="Layers">Their numbers, counted from 0 in the order of the forward pass.</param>
/// <param name="LayerCount">The number of all layers.</param>
/// <param name="Estimate">The memory of training with them.</param>
internal sealed record FittingLayers(IReadOnlySet<int> Layers, int LayerCount, MemoryEstimate Estimate)
{
    /// <summary>
    /// Takes one layer after the other, those first that take the least work for each byte that they save, until training fits; if it never
    /// does, as many as leave the least memory.
    /// </summary>
    /// <param name="estimator">The training, with its budget.</param>
    /// <param name="microBatchSize">Images per forward and backward pass.</param>
    public static FittingLayers Of(MemoryEstimator estimator, int microBatchSize)
    {
        MemoryTape plain = estimator.Record(microBatchSize, new RecomputedLayers(GradientCheckpointing.None));
        FittingLayers least = new(new HashSet<int>(), plain.Layers.Count, estimator.Of(plain, microBatchSize));
        HashSet<int> taken = [];
        foreach (int next in Enumerable.Range(0, plain.Layers.Count).OrderBy(number => plain.Layers[number].WorkPerNumber))
        {
            if (least.Estimate.Total <= (estimator.MemoryBudgetBytes ?? long.MaxValue))
            {
                break;
            }

            taken.Add(next);
            MemoryTape tape = estimator.Record(microBatchSize, new RecomputedLayers(GradientCheckpointing.Fit, taken));
            MemoryEstimate estimate = estimator.Of(tape, microBatchSize);
            least = estimate.Total < least.Estimate.Total
                ? least with { Layers = new HashSet<int>(taken), Estimate = estimate }
                : least;
        }

        return least;
    }
}
