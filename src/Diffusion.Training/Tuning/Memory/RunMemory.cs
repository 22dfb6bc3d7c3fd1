namespace Diffusion.Training;

/// <summary>The memory of a run: what it may use, and what it is estimated to use.</summary>
internal static class RunMemory
{
    /// <summary>The memory that training may use, in bytes; null if it is not known.</summary>
    public static long? BudgetOf(TrainingOptions options, ComputeDevice device) => options.MemoryBudgetBytes ?? device.MemoryBytes;

    /// <summary>Whether the memory of training a model can be estimated: a U-Net, perhaps within models of the library.</summary>
    public static bool IsKnown(IDiffusionModel model) => model switch
    {
        UNet2D => true,
        PatchedModel patched => IsKnown(patched.Inner),
        SelfConditionedModel conditioned => IsKnown(conditioned.Inner),
        _ => false,
    };

    /// <summary>The estimator of a run whose model <see cref="IsKnown"/>.</summary>
    public static MemoryEstimator EstimatorOf(TrainerSetup setup)
    {
        (UNet2DOptions network, ImageShape images) = NetworkOf(setup.Model, setup.Source.Shape);
        return new MemoryEstimator(MemoryEstimator.For(network, images, setup.Options, setup.Optimizer))
        {
            MemoryBudgetBytes = BudgetOf(setup.Options, setup.Device),
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

    private static (UNet2DOptions Network, ImageShape Images) NetworkOf(IDiffusionModel model, ImageShape images) => model switch
    {
        UNet2D unet => (unet.Options, images),
        PatchedModel patched => NetworkOf(patched.Inner, PatchedModel.PatchShape(images, patched.PatchSize)),
        SelfConditionedModel conditioned => NetworkOf(conditioned.Inner, images with { Channels = 2 * images.Channels }),
        _ => throw new InvalidOperationException($"The memory of training a {model.GetType().Name} cannot be estimated."),
    };
}
