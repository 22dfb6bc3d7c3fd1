namespace Diffusion.Data;

/// <summary>The result of scanning a shard.</summary>
/// <param name="Samples">The samples, in the order of the shard.</param>
/// <param name="Ignored">The files that belong to no sample, one entry per reason.</param>
internal sealed record ShardContents(IReadOnlyList<ShardEntry> Samples, IReadOnlyList<SkippedImages> Ignored);
