namespace Diffusion.Sampling;

/// <summary>Timesteps of a discrete schedule, from the noisiest down, then the clean image.</summary>
/// <param name="Spacing">
/// How they are spaced. Trailing starts at T-1, the only timestep whose training images were as close to pure noise as the initial noise
/// (Lin et al. 2024, section 3.3). Data whose mean is far from mid-grey gain most.
/// </param>
public sealed record TimestepGrid(TimestepSpacing Spacing = TimestepSpacing.Trailing) : ISamplingGrid
{
    /// <summary>
    /// Leading only: the offset added to each timestep, 0 to below T / N for N steps. Default 0; 1 is usual where the last step leaves
    /// timestep 1.
    /// </summary>
    public int StepsOffset { get; init; }

    /// <summary>
    /// Whether the last step ends at the clean image. Default true; false ends at the noise level of timestep 0, as for models that
    /// diffusers published with <c>set_alpha_to_one</c> false.
    /// </summary>
    public bool EndsClean { get; init; } = true;

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        if (schedule is not DiscreteSchedule { Timesteps: var timesteps })
        {
            return [$"The grid is of timesteps, but {schedule?.Description} has none. Use a KarrasGrid or a TimeGrid."];
        }

        if (!Enum.IsDefined(Spacing))
        {
            return [$"Spacing is {Spacing}, which is unknown. Use Trailing, Leading or Linspace."];
        }

        return steps < 1 || steps > timesteps
            ? [$"Steps is {steps}, but must lie in 1..{timesteps}, the schedule's timesteps."]
            : OffsetProblems(Spacing, steps, timesteps, StepsOffset);
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        DiscreteSchedule discrete = (DiscreteSchedule)schedule;
        IEnumerable<NoiseLevel> levels = Create(Spacing, steps, discrete.Timesteps, StepsOffset).Select(timestep => discrete[timestep]);
        return [.. levels, EndsClean ? NoiseLevel.Clean : discrete[0]];
    }

    /// <summary>N timesteps that span a schedule of T.</summary>
    /// <remarks>
    /// Each timestep is rounded from its exact position, not accumulated from a rounded stride, so that any N spans the whole
    /// schedule and no timestep repeats: exact positions of neighbours are at least 1 apart, and rounding to nearest keeps them apart.
    /// </remarks>
    /// <param name="spacing">How they are spaced.</param>
    /// <param name="steps">N, 1 to <paramref name="timesteps"/>.</param>
    /// <param name="timesteps">T, at least 1.</param>
    /// <param name="offset">
    /// Leading only: the offset added to each timestep, 0 to below T / N; 0 for other spacings. A single step ignores it.
    /// </param>
    /// <returns>N different integers in [0, T-1], descending.</returns>
    /// <exception cref="ArgumentOutOfRangeException">N, T or the offset is out of its range, or the spacing is unknown.</exception>
    public static int[] Create(TimestepSpacing spacing, int steps, int timesteps, int offset = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timesteps, 1);
        if (steps < 1 || steps > timesteps)
        {
            throw new ArgumentOutOfRangeException(nameof(steps), steps,
                $"The number of steps must lie in 1..{timesteps}, the schedule's timesteps.");
        }

        foreach (string problem in OffsetProblems(spacing, steps, timesteps, offset))
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, problem);
        }

        // A single step must start from the noisiest timestep, whatever the spacing; leading and linspace would start from 0.
        return (spacing, steps) switch
        {
            (_, 1) => [timesteps - 1],
            (TimestepSpacing.Trailing, _) => Descending(steps, k => Round((k + 1) * timesteps, steps) - 1),
            (TimestepSpacing.Leading, _) => Descending(steps, k => (int)(k * timesteps / steps) + offset),
            (TimestepSpacing.Linspace, _) => Descending(steps, k => Round(k * (timesteps - 1), steps - 1)),
            _ => throw new ArgumentOutOfRangeException(nameof(spacing), spacing,
                "The spacing is unknown. Use Trailing, Leading or Linspace."),
        };
    }

    /// <summary>Why an offset does not fit a valid number of steps; empty when it does.</summary>
    internal static IEnumerable<string> OffsetProblems(TimestepSpacing spacing, int steps, int timesteps, int offset)
    {
        long max = spacing == TimestepSpacing.Leading && steps > 0 ? timesteps - 1 - ((steps - 1L) * timesteps / steps) : 0;
        if (offset < 0 || offset > max)
        {
            yield return $"StepsOffset is {offset}, but with {spacing} spacing and {steps} steps of {timesteps} must lie in 0..{max}, "
                + "or the first step would lie beyond the schedule. Use 0, or Leading with fewer steps.";
        }
    }

    private static int[] Descending(int steps, Func<long, int> timestep) =>
        [.. Enumerable.Range(0, steps).Select(i => timestep(steps - 1 - i))];

    // Rounds halves to even, as Python does. A quotient of such small integers is never rounded onto a half.
    private static int Round(long numerator, int denominator) => (int)Math.Round((double)numerator / denominator, MidpointRounding.ToEven);
}
