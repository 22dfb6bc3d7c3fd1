namespace Diffusion.Data;

/// <summary>What opening finds out about one shard.</summary>
/// <param name="Count">The number of selected images.</param>
/// <param name="Labeled">The number of selected images with a label.</param>
/// <param name="MaxLabel">The largest label; -1 without labels.</param>
/// <param name="Digest">A hash of the keys, positions and labels of all samples.</param>
/// <param name="Remarks">Notes on its samples, without the selected images; null when there are none.</param>
internal sealed record ShardFinding(long Count, long Labeled, int MaxLabel, long Digest, ShardSelection? Remarks)
{
    /// <summary>Examines a shard: only the header of its index if that is enough.</summary>
    public static ShardFinding Of(string name, ShardStore store, ShardOptions options, CancellationToken cancellationToken)
    {
        bool isPlain = options is { Where: null, Map: null }
            && ReferenceEquals(options.ImageExtensions, ShardOptions.DefaultImageExtensions);
        if (isPlain && store.IndexOf(name, cancellationToken) is { HasIssues: false } index)
        {
            return new ShardFinding(index.Count, index.Labeled, index.MaxLabel, index.Digest, null);
        }

        using Shard shard = store.Open(name, isForReading: false, cancellationToken);
        return new ShardFinding(
            shard.Picks.Count, shard.Picks.Count(pick => pick.Label >= 0), shard.Picks.Select(pick => pick.Label).DefaultIfEmpty(-1).Max(),
            shard.Digest, shard.Selection with { Picks = [] });
    }
}
