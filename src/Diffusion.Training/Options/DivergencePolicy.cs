namespace Diffusion.Training;

/// <summary>What follows when the loss has diverged.</summary>
public enum DivergencePolicy
{
    /// <summary>It is reported, and training continues.</summary>
    Report,

    /// <summary>
    /// Training resumes from the last checkpoint before the loss rose, with a third of the learning rate, at most three times in a
    /// run; then it ends with a <see cref="TrainingDivergedException"/>. Later checkpoints are deleted. Needs
    /// <see cref="TrainingOptions.RunFolder"/>.
    /// </summary>
    RollBack,

    /// <summary>The run ends with a <see cref="TrainingDivergedException"/>; the last checkpoint stays as it is.</summary>
    Stop,
}
