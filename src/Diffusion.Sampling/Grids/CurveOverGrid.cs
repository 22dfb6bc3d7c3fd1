namespace Diffusion.Sampling;

/// <summary>
/// A curve between the first and the last noisy level of another grid, then the clean image: how diffusers' solvers over sigma combine
/// Karras' sigmas with a spacing of timesteps.
/// </summary>
/// <remarks>
/// Where neither grid ends clean (<see cref="CurveGrid.EndsClean"/>), the last step ends where that of the other grid does; if the curve
/// ends there already, it has one more point.
/// </remarks>
/// <param name="Curve">The curve. Its own <see cref="CurveGrid.MinRatio"/> and <see cref="CurveGrid.MaxRatio"/> take precedence.</param>
/// <param name="Ends">The other grid.</param>
public sealed record CurveOverGrid(CurveGrid Curve, ISamplingGrid Ends) : ISamplingGrid
{
    // Two ways to compute the same sigma / alpha differ by less.
    private const double Rounding = 1e-9;

    /// <inheritdoc/>
    public int? Steps => Ends?.Steps;

    /// <inheritdoc/>
    public int? MaxSteps(INoiseSchedule schedule) => Ends?.MaxSteps(schedule);

    /// <inheritdoc/>
    public bool StartsFromNoise => Ends.StartsFromNoise;

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        if (Curve is null || Ends is null)
        {
            return ["Curve or Ends is null. Use a KarrasGrid and SamplingGrid.UsualFor."];
        }

        string[] problems = [.. Ends.Problems(schedule, steps)];
        return problems.Length > 0 ? problems
            : Noisy(schedule, steps) is { Length: > 0 } noisy ? Between(noisy, steps).Problems(schedule, steps)
            : ["Ends has no noisy level. Use a grid with at least one step."];
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        NoiseLevel[] noisy = Noisy(schedule, steps);
        CurveGrid between = Between(noisy, steps);
        if (Curve.EndsClean || noisy.Length <= steps)
        {
            return between.Levels(schedule, steps);
        }

        NoiseLevel[] starts = [.. (between with { EndsClean = true }).Levels(schedule, steps).SkipLast(1)];
        return starts[^1].Ratio > noisy[^1].Ratio * (1 + Rounding) ? [.. starts, noisy[^1]] : between.Levels(schedule, steps);
    }

    // The levels that steps start from, and the level that the last one ends at, unless it is clean.
    private NoiseLevel[] Noisy(INoiseSchedule schedule, int steps) =>
        [.. Ends.Levels(schedule, steps).Where(level => level.Sigma > 0)];

    // A single step has one noisy level: its curve goes down to the least noise of the schedule.
    private CurveGrid Between(NoiseLevel[] noisy, int steps)
    {
        int starts = Math.Min(steps, noisy.Length);
        return Curve with
        {
            MaxRatio = Curve.MaxRatio ?? noisy[0].Ratio,
            MinRatio = Curve.MinRatio ?? (starts > 1 ? noisy[starts - 1].Ratio : null),
        };
    }
}
