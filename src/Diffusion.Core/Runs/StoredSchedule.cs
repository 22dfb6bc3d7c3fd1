namespace Diffusion;

/// <summary>A schedule of this library as data: a named schedule with its parameters, or a list of betas.</summary>
internal sealed record StoredSchedule
{
    /// <summary>The named schedule, if there are no betas.</summary>
    public required NoiseScheduleKind Kind { get; init; }

    /// <summary>T of a discrete schedule.</summary>
    public required int Timesteps { get; init; }

    /// <summary>The first beta; null for the default.</summary>
    public double? BetaStart { get; init; }

    /// <summary>The last beta; null for the default.</summary>
    public double? BetaEnd { get; init; }

    /// <summary>The smallest sigma of EDM; null for the default.</summary>
    public double? SigmaMin { get; init; }

    /// <summary>The largest sigma of EDM; null for the default.</summary>
    public double? SigmaMax { get; init; }

    /// <summary>The resolution shift of rectified flow; null for none.</summary>
    public double? FlowShift { get; init; }

    /// <summary>One beta for each timestep; null for a named schedule.</summary>
    public double[]? Betas { get; init; }

    /// <summary>Whether a discrete schedule is rescaled to zero terminal SNR.</summary>
    public bool ZeroTerminalSnr { get; init; }

    /// <summary>The description of a schedule with betas; null for the default.</summary>
    public string? Description { get; init; }

    /// <summary>Creates the schedule.</summary>
    /// <exception cref="ArgumentException">A value is out of its range.</exception>
    public INoiseSchedule Create() =>
        ZeroTerminalSnr && Unscaled() is DiscreteSchedule discrete ? discrete.WithZeroTerminalSnr() : Unscaled();

    private INoiseSchedule Unscaled() => this switch
    {
        { Betas: { } betas } => new DiscreteSchedule(betas, Description ?? DiffusersBetas.Describe(betas)),
        { Kind: NoiseScheduleKind.Linear } => NoiseSchedule.Linear(Timesteps, BetaStart, BetaEnd),
        { Kind: NoiseScheduleKind.ScaledLinear } => NoiseSchedule.ScaledLinear(Timesteps, BetaStart, BetaEnd),
        { Kind: NoiseScheduleKind.Sigmoid } => NoiseSchedule.Sigmoid(Timesteps, BetaStart, BetaEnd),
        { Kind: NoiseScheduleKind.Laplace } => NoiseSchedule.Laplace(Timesteps),
        { Kind: NoiseScheduleKind.Exponential } => NoiseSchedule.Exponential(Timesteps),
        { Kind: NoiseScheduleKind.Edm } =>
            new EdmSchedule(SigmaMin ?? EdmSchedule.DefaultMinSigma, SigmaMax ?? EdmSchedule.DefaultMaxSigma),
        { Kind: NoiseScheduleKind.RectifiedFlow } => new FlowSchedule(FlowShift ?? 1),
        _ => NoiseSchedule.Cosine(Timesteps),
    };
}
