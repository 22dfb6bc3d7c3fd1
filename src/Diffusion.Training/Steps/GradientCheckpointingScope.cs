namespace Diffusion.Training;

/// <summary>Turns gradient checkpointing on if the options ask for it, and restores the previous setting when disposed.</summary>
internal sealed class GradientCheckpointingScope : IDisposable
{
    private readonly IGradientCheckpointing? model;
    private readonly bool before;

    public GradientCheckpointingScope(IDiffusionModel model, TrainingOptions options)
    {
        if (options.GradientCheckpointing)
        {
            this.model = model.Checkpointing!;
            before = this.model.GradientCheckpointing;
            this.model.GradientCheckpointing = true;
        }
    }

    public void Dispose()
    {
        if (model is not null)
        {
            model.GradientCheckpointing = before;
        }
    }
}
