namespace Diffusion.Training;

/// <summary>The estimated memory of a run.</summary>
internal static class RunMemory
{
    /// <summary>The estimator of a run whose model <see cref="NetworkMemory.IsKnown"/>.</summary>
    public static MemoryEstimator EstimatorOf(TrainerSetup setup)
    {
        (UNet2DOptions network, ImageShape images) = NetworkMemory.NetworkOf(setup.Model, setup.Source.Shape);
        int shards = setup.Processes is { Options.ShardOptimizer: true, Group: var group } ? group.WorldSize : 1;
        return new MemoryEstimator(MemoryEstimator.For(network, images, setup.Options, setup.Optimizer, shards))
        {
            MemoryBudgetBytes = NetworkMemory.BudgetOf(setup.Options, setup.Device),
        };
    }

    /// <summary>A warning if training does not fit even with the blocks that gradient checkpointing chose; usually empty.</summary>
    public static IEnumerable<TrainingWarning> Warnings(TrainerSetup setup)
    {
        if (setup.Options.GradientCheckpointing != GradientCheckpointing.Fit)
        {
            yield break;
        }

        MemoryEstimator estimator = EstimatorOf(setup);
        MemoryEstimate estimate = estimator.Estimate(setup.MicroBatchSize);
        long budget = estimator.MemoryBudgetBytes!.Value;
        if (estimate.Total > budget)
        {
            int largest = estimator.MaxMicroBatch(budget);
            yield return new TrainingWarning(nameof(TrainingOptions.MemoryBudgetBytes),
                $"{MemoryEstimate.Mebibytes(budget)} do not suffice even with gradient checkpointing: {estimate}. "
                + (largest > 0 ? $"Use a MicroBatchSize of at most {largest}." : "Use smaller images or a smaller network."));
        }
    }
}
