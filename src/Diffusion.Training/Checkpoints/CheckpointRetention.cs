namespace Diffusion.Training;

/// <summary>Which checkpoints of a run are kept: those of any of these rules. The newest always is.</summary>
public sealed record CheckpointRetention
{
    /// <summary>The newest ones, at least 1. Default 2, so that one is left should the newest be damaged.</summary>
    public int Last { get; init; } = 2;

    /// <summary>Those with the lowest held-out loss, 0 or more. Default 0.</summary>
    public int Best { get; init; }

    /// <summary>Those whose step is a multiple of this, at least 1; null, the default, for none.</summary>
    public long? EverySteps { get; init; }

    /// <summary>The checkpoints that are not kept, the first first. Of several saves of one step only the last counts.</summary>
    /// <param name="checkpoints">The name and the held-out loss of each.</param>
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
