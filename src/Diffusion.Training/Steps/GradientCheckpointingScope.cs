namespace Diffusion.Training;

/// <summary>Switches gradient checkpointing on for a model whose options ask for it, and back to what it was when disposed.</summary>
internal sealed class GradientCheckpointingScope : IDisposable
{
    private readonly IGradientCheckpointing? model;
    private readonly bool before;

    public GradientCheckpointingScope(IDiffusionModel model, TrainingOptions options)
    {
        if (options.GradientCheckpointing)
        {
            this.model = (IGradientCheckpointing)model;
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
