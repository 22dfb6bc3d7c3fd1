namespace Diffusion.Training;

/// <summary>The estimated memory of a run.</summary>
internal static class RunMemory
{
    /// <summary>The estimator of a run whose model <see cref="NetworkMemory.IsKnown"/>.</summary>
    public static MemoryEstimator EstimatorOf(TrainerSetup setup)
    {
        (UNet2DOptions network, ImageShape images) = NetworkMemory.NetworkOf(setup.Model, setup.Source.Shape);
        int shards = setup.Processes is { Options.ShardOptimizer: true } sharing ? sharing.Group.WorldSize : 1;
        return new MemoryEstimator(MemoryEstimator.For(network, images, setup.Options, setup.Optimizer, shards, setup.Device.Type))
        {
            MemoryBudgetBytes = NetworkMemory.BudgetOf(setup.Options, setup.Device, setup.Processes?.Group.LocalWorldSize ?? 1),
        };
    }

    /// <summary>
    /// The images of a pass, if a run chooses them by itself because the share of a process does not fit its memory: the largest divisor of
    /// the share that fits, or 1. Several processes choose the same.
    /// </summary>
    /// <returns>Null if the options say it, the share fits, or the memory is not known.</returns>
    public static int? Split(TrainerSetup setup)
    {
        int? own = OwnSplit(setup);
        if (setup.Processes is not { } processes)
        {
            return own;
        }

        // Also where this process needs no split: all must take part.
        RankExchange exchange = new(processes.Group, setup.Device.Activate());
        int least = (int)exchange.Gather([(long)(own ?? setup.MicroBatchSize)]).Min(one => one[0]);
        return least < setup.MicroBatchSize ? least : null;
    }

    /// <summary>A warning if passes are smaller than the share of a process, or if they do not fit either; usually empty.</summary>
    /// <param name="setup">The run.</param>
    /// <param name="isSplit">Whether the run chose the images of a pass (<see cref="Split"/>).</param>
    public static IEnumerable<TrainingWarning> Warnings(TrainerSetup setup, bool isSplit)
    {
        if (!NetworkMemory.IsKnown(setup.Model) || EstimatorOf(setup) is not { MemoryBudgetBytes: { } budget } estimator)
        {
            yield break;
        }

        int images = setup.MicroBatchSize;
        MemoryEstimate estimate = estimator.Estimate(images);
        string allowed = MemoryEstimate.Mebibytes(budget);
        if (isSplit)
        {
            string all = MemoryEstimate.Mebibytes(estimator.Estimate(setup.Share).Total);
            yield return new TrainingWarning(nameof(TrainingOptions.MicroBatchSize),
                $"{setup.Share} images at a time would take {all}, and {allowed} are allowed. Each step is made in {setup.Share / images} "
                + $"passes of {images}, with the same gradient. Set MicroBatchSize or MemoryBudgetBytes to choose otherwise.");
        }

        if (estimate.Total > budget)
        {
            int fitting = estimator.MaxMicroBatch(budget);
            yield return new TrainingWarning(nameof(TrainingOptions.MemoryBudgetBytes),
                $"training needs more than the {allowed} that are allowed: {estimate}. "
                + (fitting > 0 ? $"Use a MicroBatchSize of at most {fitting}." : "Use smaller images or a smaller network."));
        }
    }

    private static int? OwnSplit(TrainerSetup setup)
    {
        if (setup.Options.MicroBatchSize is not null || !NetworkMemory.IsKnown(setup.Model)
            || EstimatorOf(setup) is not { MemoryBudgetBytes: { } budget } estimator
            || estimator.Estimate(setup.Share).Total <= budget)
        {
            return null;
        }

        return BatchSizeScaling.Split(setup.Share, Math.Max(1, estimator.MaxMicroBatch(budget))).MicroBatch;
    }
}
