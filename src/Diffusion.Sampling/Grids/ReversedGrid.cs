namespace Diffusion.Sampling;

/// <summary>
/// Another grid from the least noise to the most, for inversion: <see cref="SampleRequest.StartImages"/> become noise. Images count as
/// being at the least noise that networks are trained on, in place of the clean image, for which no network has a label.
/// </summary>
/// <param name="Inner">The other grid.</param>
public sealed record ReversedGrid(ISamplingGrid Inner) : ISamplingGrid
{
    /// <inheritdoc/>
    public int? Steps => Inner?.Steps;

    /// <inheritdoc/>
    public int? MaxSteps(INoiseSchedule schedule) => Inner?.MaxSteps(schedule);

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        string[] problems = Inner is null ? ["Inner is null. Use SamplingGrid.UsualFor."] : [.. Inner.Problems(schedule, steps)];
        if (problems.Length > 0)
        {
            return problems;
        }

        IReadOnlyList<NoiseLevel> levels = Inner!.Levels(schedule, steps);
        if (levels.Count < 2)
        {
            return ["Inner has no step to reverse. Use a grid with at least one step."];
        }

        NoiseLevel first = GridLevel.First(schedule);
        return levels[^1].Sigma > 0 || levels[^2].Ratio > first.Ratio
            ? []
            : [$"The grid's last step starts at sigma / alpha {levels[^2].Ratio}, but must start above {first.Ratio}, which stands for the "
                + "clean image. Use trailing timesteps, or a grid that does not end clean."];
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps) =>
        [.. Inner.Levels(schedule, steps).Reverse().Select(level => level.Sigma == 0 ? GridLevel.First(schedule) : level)];
}
