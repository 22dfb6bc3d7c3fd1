namespace Diffusion;

/// <summary>The named noise schedules.</summary>
public enum NoiseScheduleKind
{
    /// <summary><see cref="NoiseSchedule.Cosine"/>, the default.</summary>
    Cosine,

    /// <summary><see cref="NoiseSchedule.Linear"/>.</summary>
    Linear,

    /// <summary><see cref="NoiseSchedule.ScaledLinear"/>.</summary>
    ScaledLinear,

    /// <summary><see cref="NoiseSchedule.Sigmoid"/>.</summary>
    Sigmoid,

    /// <summary><see cref="EdmSchedule"/>.</summary>
    Edm,

    /// <summary><see cref="FlowSchedule"/>.</summary>
    RectifiedFlow,

    /// <summary><see cref="NoiseSchedule.Laplace"/>.</summary>
    Laplace,

    /// <summary><see cref="NoiseSchedule.Exponential"/>.</summary>
    Exponential,
}
