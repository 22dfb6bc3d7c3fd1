namespace Diffusion.Data;

/// <summary>What a scan of a shard found.</summary>
/// <param name="Samples">Its samples, in its order.</param>
/// <param name="Ignored">Files that belong to no sample, one entry for each reason.</param>
internal sealed record ShardContents(IReadOnlyList<ShardEntry> Samples, IReadOnlyList<SkippedImages> Ignored);
