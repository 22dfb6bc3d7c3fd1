namespace Diffusion.Sampling;

/// <summary>The timesteps that a sampler visits, from the noisiest down.</summary>
public static class TimestepGrid
{
    /// <summary>N timesteps spread over a schedule of T.</summary>
    /// <remarks>
    /// Each timestep is rounded from its exact place, never summed up from a rounded stride, so that any N is spread over the whole
    /// schedule and no timestep comes twice. Two neighbours' exact places lie at least 1 apart, which rounding to nearest keeps apart.
    /// </remarks>
    /// <param name="spacing">How they are spread.</param>
    /// <param name="steps">N, 1 to <paramref name="timesteps"/>.</param>
    /// <param name="timesteps">T, at least 1.</param>
    /// <returns>N different integers in [0, T-1], descending.</returns>
    /// <exception cref="ArgumentOutOfRangeException">N or T is out of its range, or the spacing is unknown.</exception>
    public static int[] Create(TimestepSpacing spacing, int steps, int timesteps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timesteps, 1);
        if (steps < 1 || steps > timesteps)
        {
            throw new ArgumentOutOfRangeException(nameof(steps), steps, $"The number of steps must lie in 1..{timesteps}, the schedule's timesteps.");
        }

        // A single step must start from the noisiest timestep, whatever the spacing; leading and linspace would start from 0.
        return (spacing, steps) switch
        {
            (_, 1) => [timesteps - 1],
            (TimestepSpacing.Trailing, _) => Descending(steps, k => Round((k + 1) * timesteps, steps) - 1),
            (TimestepSpacing.Leading, _) => Descending(steps, k => (int)(k * timesteps / steps)),
            (TimestepSpacing.Linspace, _) => Descending(steps, k => Round(k * (timesteps - 1), steps - 1)),
            _ => throw new ArgumentOutOfRangeException(nameof(spacing), spacing, "The spacing is unknown. Use Trailing, Leading or Linspace."),
        };
    }

    private static int[] Descending(int steps, Func<long, int> timestep) =>
        [.. Enumerable.Range(0, steps).Select(i => timestep(steps - 1 - i))];

    // Halves to even, as the field's Python does. A quotient of such small integers is never rounded onto a half.
    private static int Round(long numerator, int denominator) => (int)Math.Round((double)numerator / denominator, MidpointRounding.ToEven);
}
