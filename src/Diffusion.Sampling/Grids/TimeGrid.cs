namespace Diffusion.Sampling;

/// <summary>
/// Levels at evenly spaced times of a schedule, then the clean image: the usual grid of rectified flow. By default the clean image is the
/// end of the even spacing: N steps of rectified flow have the times 1, 1 - 1/N, ..., 1/N, 0.
/// </summary>
public sealed record TimeGrid : ISamplingGrid
{
    /// <summary>The first time. Default null: the last of the schedule, where there is the most noise.</summary>
    public double? StartTime { get; init; }

    /// <summary>Where the even spacing ends. Default null: the first time of the schedule.</summary>
    public double? EndTime { get; init; }

    /// <summary>
    /// Whether a step starts at <see cref="EndTime"/>, as diffusers' flow schedulers have it with 1/1000. Default false: the last step
    /// starts one spacing above it.
    /// </summary>
    public bool IncludesEndTime { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Problems(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        (double start, double end) = Ends(schedule);
        return
        [
            .. GridProblems.Steps(steps),
            .. end >= schedule.FirstTime && start > end && start <= schedule.LastTime
                ? Array.Empty<string>()
                :
                [
                    $"The grid goes from time {start} to {end} of {schedule.Description}, but must go from a time to an earlier one in "
                        + $"[{schedule.FirstTime}, {schedule.LastTime}]. Set StartTime and EndTime.",
                ],
            .. IncludesEndTime && schedule.At(Math.Clamp(end, schedule.FirstTime, schedule.LastTime)).Sigma == 0
                ? [$"EndTime is {end}, which is the clean image, but a step must start from it. Set EndTime above it, or IncludesEndTime "
                    + "to false."]
                : Array.Empty<string>(),
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<NoiseLevel> Levels(INoiseSchedule schedule, int steps)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        (double start, double end) = Ends(schedule);
        int spacings = IncludesEndTime ? Math.Max(steps - 1, 1) : steps;
        return
        [
            .. Enumerable.Range(0, steps).Select(i => schedule.At(i == spacings ? end : start - ((start - end) * i / spacings))),
            NoiseLevel.Clean,
        ];
    }

    private (double Start, double End) Ends(INoiseSchedule schedule) =>
        (StartTime ?? schedule.LastTime, EndTime ?? schedule.FirstTime);
}
