namespace Diffusion.Training;

/// <summary>
/// Which checkpoints of a run to keep. A checkpoint is kept if any of these rules applies to it. The newest one is always kept.
/// </summary>
internal sealed record CheckpointRetention
{
    /// <summary>The number of newest checkpoints to keep, at least 1. Default 2, so that one is left if the newest is damaged.</summary>
    public int Last { get; init; } = 2;

    /// <summary>The number of checkpoints with the lowest held-out loss to keep, 0 or more. Default 0.</summary>
    public int Best { get; init; }

    /// <summary>
    /// Keeps the checkpoints whose step is a multiple of this number, at least 1. Null, the default, keeps none by this rule.
    /// </summary>
    public long? EverySteps { get; init; }

    /// <summary>
    /// Returns the checkpoints to delete, in ascending order of steps. If a step was saved several times, only its last save can be kept.
    /// </summary>
    /// <param name="checkpoints">The name and the held-out loss of each checkpoint.</param>
    internal IReadOnlyList<CheckpointName> Superfluous(IReadOnlyList<(CheckpointName Name, double? HeldOutLoss)> checkpoints)
    {
        (CheckpointName Name, double? HeldOutLoss)[] last = [.. checkpoints.GroupBy(one => one.Name.Step)
            .Select(saves => saves.MaxBy(one => one.Name.Save))];
        HashSet<CheckpointName> kept =
        [
            .. last.Select(one => one.Name).OrderByDescending(name => name.Step).Take(Last),
            .. last.Where(one => one.HeldOutLoss is not null).OrderBy(one => one.HeldOutLoss).ThenBy(one => one.Name.Step).Take(Best)
                .Select(one => one.Name),
            .. last.Select(one => one.Name).Where(name => name.Step % EverySteps == 0),
        ];
        return [.. checkpoints.Select(one => one.Name).Where(name => !kept.Contains(name)).OrderBy(name => name.Step)];
    }

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Last, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Best);
        ArgumentOutOfRangeException.ThrowIfLessThan(EverySteps ?? 1, 1);
    }
}
