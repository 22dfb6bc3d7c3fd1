namespace Diffusion;

/// <summary>A schedule of this library as data: a named schedule with its parameters, or a list of betas.</summary>
/// <param name="Kind">The named schedule, if there are no betas.</param>
/// <param name="Timesteps">T of a discrete schedule.</param>
/// <param name="BetaStart">The first beta; null for the default.</param>
/// <param name="BetaEnd">The last beta; null for the default.</param>
/// <param name="SigmaMin">The smallest sigma of EDM; null for the default.</param>
/// <param name="SigmaMax">The largest sigma of EDM; null for the default.</param>
/// <param name="Betas">One beta for each timestep; null for a named schedule.</param>
/// <param name="Description">The description of a schedule with betas; null for the default.</param>
internal sealed record StoredSchedule(NoiseScheduleKind Kind, int Timesteps, double? BetaStart, double? BetaEnd, double? SigmaMin,
    double? SigmaMax, double[]? Betas, string? Description)
{
    /// <summary>Creates the schedule.</summary>
    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    public INoiseSchedule Create() => this switch
    {
        { Betas: { } betas } => new DiscreteSchedule(betas, Description ?? DiffusersBetas.Describe(betas)),
        { Kind: NoiseScheduleKind.Linear } => NoiseSchedule.Linear(Timesteps, BetaStart, BetaEnd),
        { Kind: NoiseScheduleKind.ScaledLinear } => NoiseSchedule.ScaledLinear(Timesteps, BetaStart, BetaEnd),
        { Kind: NoiseScheduleKind.Sigmoid } => NoiseSchedule.Sigmoid(Timesteps, BetaStart, BetaEnd),
        { Kind: NoiseScheduleKind.Edm } =>
            new EdmSchedule(SigmaMin ?? EdmSchedule.DefaultMinSigma, SigmaMax ?? EdmSchedule.DefaultMaxSigma),
        { Kind: NoiseScheduleKind.RectifiedFlow } => new FlowSchedule(),
        _ => NoiseSchedule.Cosine(Timesteps),
    };
}
