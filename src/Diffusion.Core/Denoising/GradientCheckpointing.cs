namespace Diffusion;

/// <summary>Which blocks of a network keep only their inputs, and are recomputed in the backward pass.</summary>
public enum GradientCheckpointing
{
    /// <summary>No block: the most memory, and the least time.</summary>
    None,

    /// <summary>The blocks with attention.</summary>
    Attention,

    /// <summary>All blocks: the least memory, and the most time.</summary>
    All,

    /// <summary>
    /// As few blocks as the memory of the run demands, those first that take the least work for each byte that they save. Only a run can
    /// choose them: see <c>TrainingOptions.GradientCheckpointing</c>.
    /// </summary>
    Fit,
}
