namespace Diffusion.Training;

/// <summary>Recomputes the blocks that the options of a run ask for, and restores the previous setting when disposed.</summary>
internal sealed class GradientCheckpointingScope : IDisposable
{
    private readonly IGradientCheckpointing? model;
    private readonly GradientCheckpointing before;

    public GradientCheckpointingScope(TrainerSetup setup)
    {
        GradientCheckpointing asked = setup.Options.GradientCheckpointing;
        if (asked == GradientCheckpointing.None)
        {
            return;
        }

        model = setup.Model.Checkpointing!;
        before = model.GradientCheckpointing;
        if (asked != GradientCheckpointing.Fit)
        {
            model.GradientCheckpointing = asked;
            return;
        }

        FittingLayers fitting = FittingLayers.Of(RunMemory.EstimatorOf(setup), setup.MicroBatchSize);
        ((UNet2D)model).Recompute(fitting.Layers);
        TrainingLog.Recomputes(setup.Logger, fitting.Layers.Count, fitting.LayerCount, fitting.Estimate.ToString());
    }

    public void Dispose()
    {
        if (model is not null)
        {
            model.GradientCheckpointing = before;
        }
    }
}
