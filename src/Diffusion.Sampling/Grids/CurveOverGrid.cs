namespace Diffusion.Sampling;

/// <summary>
/// A curve between the first and the last noisy level of another grid, then the clean image: how diffusers' solvers over sigma combine
/// Karras' sigmas with a spacing of timesteps.
/// </summary>
/// <param name="Curve">The curve. Its own <see cref="CurveGrid.MinRatio"/> and <see cref="CurveGrid.MaxRatio"/> take precedence.</param>
/// <param name="Ends">The other grid.</param>
public sealed record CurveOverGrid(CurveGrid Curve, ISamplingGrid Ends) : ISamplingGrid
{
    /// <inheritdoc/>
    public int? Steps => Ends.Steps;

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        if (Curve is null || Ends is null)
        {
            return ["Curve or Ends is null. Use a KarrasGrid and SamplingGrid.UsualFor."];
        }

        string[] problems = [.. Ends.Problems(schedule, steps)];
        return problems.Length > 0 ? problems : Between(schedule, steps).Problems(schedule, steps);
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps) => Between(schedule, steps).Levels(schedule, steps);

    // A single step has one noisy level: its curve goes down to the least noise of the schedule.
    private CurveGrid Between(INoiseSchedule schedule, int steps)
    {
        NoiseLevel[] noisy = [.. Ends.Levels(schedule, steps).Where(level => level.Sigma > 0)];
        return Curve with
        {
            MaxRatio = Curve.MaxRatio ?? noisy[0].Ratio,
            MinRatio = Curve.MinRatio ?? (noisy.Length > 1 ? noisy[^1].Ratio : null),
        };
    }
}
