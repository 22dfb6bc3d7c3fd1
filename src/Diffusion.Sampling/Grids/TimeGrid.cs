namespace Diffusion.Sampling;

/// <summary>
/// Levels at evenly spaced times of a schedule, from its last time to the clean image: the usual grid of rectified flow.
/// </summary>
public sealed record TimeGrid : ISamplingGrid
{
    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps) => steps < 1
        ? [$"Steps is {steps}, but must be at least 1."]
        : [];

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        double width = schedule.LastTime - schedule.FirstTime;
        return [.. Enumerable.Range(0, steps).Select(i => schedule.At(schedule.LastTime - (width * i / steps))), NoiseLevel.Clean];
    }
}
