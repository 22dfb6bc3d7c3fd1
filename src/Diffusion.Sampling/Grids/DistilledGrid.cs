namespace Diffusion.Sampling;

/// <summary>
/// Timesteps for models distilled at few of them (Luo et al. 2023, latent consistency models): evenly from the K timesteps of the
/// distillation, the noisiest first, then the clean image.
/// </summary>
/// <param name="Trained">K: how many timesteps the model was distilled at, every (T / K)-th from T-1. Default 50.</param>
public sealed record DistilledGrid(int Trained = 50) : ISamplingGrid
{
    /// <summary>
    /// The fraction of the K timesteps that is used, from timestep 0 up, in (0, 1]. Default 1, from noise alone; less for image to image.
    /// </summary>
    public double Strength { get; init; } = 1;

    /// <summary>Whether the last step ends at the clean image. Default true; false ends at the noise level of timestep 0.</summary>
    public bool EndsClean { get; init; } = true;

    /// <inheritdoc/>
    public bool StartsFromNoise => Strength == 1;

    private int Available => (int)(Trained * Strength);

    /// <inheritdoc/>
    public int? MaxSteps(INoiseSchedule schedule) => Math.Max(1, Available);

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        if (schedule is not DiscreteSchedule { Timesteps: var timesteps })
        {
            return GridProblems.Timesteps(schedule);
        }

        if (Trained < 1 || Trained > timesteps)
        {
            return [$"Trained is {Trained}, but must lie in 1..{timesteps}, the schedule's timesteps. Use 50."];
        }

        if (Strength is not (> 0 and <= 1))
        {
            return [$"Strength is {Strength}, but must lie in (0, 1]. Use 1."];
        }

        return steps < 1 || steps > Available
            ? [$"Steps is {steps}, but must lie in 1..{Available}, the timesteps that the model was distilled at. Use fewer."]
            : EndsClean || Timesteps(steps, timesteps)[^1] > 0
                ? []
                : ["The last step starts at timestep 0, but must start above it where the grid does not end clean. Use fewer steps."];
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        DiscreteSchedule discrete = (DiscreteSchedule)schedule;
        return [.. Timesteps(steps, discrete.Timesteps).Select(t => discrete[t]), EndsClean ? NoiseLevel.Clean : discrete[0]];
    }

    private int[] Timesteps(int steps, int timesteps)
    {
        int stride = timesteps / Trained;
        long available = Available;
        return [.. Enumerable.Range(0, steps).Select(i => ((int)(available - (i * available / steps)) * stride) - 1)];
    }
}
