namespace Diffusion.Data;

/// <summary>The images that are used of a shard, and what is to be said of the others.</summary>
/// <param name="Picks">The images, in the order of the shard.</param>
/// <param name="Damaged">Samples that are left out because their labels or images cannot be read, each with the reason.</param>
/// <param name="WithoutImage">Samples that have no image, each with its files.</param>
/// <param name="WithoutLabel">The first few of <paramref name="Picks"/> that have no label, each with its files.</param>
/// <param name="Ignored">Files that belong to no sample.</param>
internal sealed record ShardSelection(
    IReadOnlyList<ShardPick> Picks, IReadOnlyList<string> Damaged, IReadOnlyList<string> WithoutImage, IReadOnlyList<string> WithoutLabel,
    IReadOnlyList<SkippedImages> Ignored);
