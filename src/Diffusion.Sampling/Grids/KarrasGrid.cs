namespace Diffusion.Sampling;

/// <summary>
/// Levels whose sigma / alpha is evenly spaced in its rho-th root (Karras et al. 2022, equation 5), then the clean image: short steps
/// where there is little noise.
/// </summary>
/// <param name="Rho">At least 1. Default 7; 1 spaces the levels evenly.</param>
public sealed record KarrasGrid(double Rho = 7) : ISamplingGrid
{
    /// <summary>The last sigma / alpha before the clean image. Default null: that of the schedule's first time.</summary>
    public double? MinRatio { get; init; }

    /// <summary>The first sigma / alpha. Default null: that of the schedule's last time.</summary>
    public double? MaxRatio { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        if (steps < 1)
        {
            yield return $"Steps is {steps}, but must be at least 1.";
        }

        if (!(Rho >= 1) || !double.IsFinite(Rho))
        {
            yield return $"Rho is {Rho}, but must be at least 1. Use 7.";
        }

        (double min, double max) = Ends(schedule);
        if (!(min > 0) || !(max > min) || !double.IsFinite(max))
        {
            yield return $"The grid goes from sigma / alpha {max} to {min} of {schedule.Description}, but must go from a finite number "
                + "to a smaller one above 0. Set MinRatio and MaxRatio.";
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        (double min, double max) = Ends(schedule);
        (double last, double first) = (Math.Pow(min, 1 / Rho), Math.Pow(max, 1 / Rho));
        IEnumerable<NoiseLevel> levels = Enumerable.Range(0, steps)
            .Select(i => steps == 1 ? max : Math.Pow(first + ((double)i / (steps - 1) * (last - first)), Rho))
            .Select(ratio => schedule.WithHalfLogSnr(-Math.Log(ratio)));
        return [.. levels, NoiseLevel.Clean];
    }

    private (double Min, double Max) Ends(INoiseSchedule schedule) =>
        (MinRatio ?? schedule.At(schedule.FirstTime).Ratio, MaxRatio ?? schedule.At(schedule.LastTime).Ratio);
}
