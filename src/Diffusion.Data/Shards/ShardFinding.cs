namespace Diffusion.Data;

/// <summary>What is found in one shard before it is used.</summary>
/// <param name="Count">How many images are used of it.</param>
/// <param name="Labeled">How many of these have a label.</param>
/// <param name="MaxLabel">The highest label; -1 without labels.</param>
/// <param name="Digest">A number made of the keys, places and labels of all its samples.</param>
/// <param name="Remarks">What is to be said of its samples, without the images that are used; null where there is nothing.</param>
internal sealed record ShardFinding(long Count, long Labeled, int MaxLabel, long Digest, ShardSelection? Remarks)
{
    /// <summary>Looks at a shard: at the header of its index where that says enough.</summary>
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
