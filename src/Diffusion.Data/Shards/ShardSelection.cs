namespace Diffusion.Data;

/// <summary>The selected images of a shard, and notes on the other samples.</summary>
/// <param name="Picks">The selected images, in the order of the shard.</param>
/// <param name="Damaged">Samples that are skipped because their labels or images cannot be read, each with the reason.</param>
/// <param name="WithoutImage">Samples without an image, each with its files.</param>
/// <param name="WithoutLabel">The first few of <paramref name="Picks"/> without a label, each with its files.</param>
/// <param name="Ignored">Files that belong to no sample.</param>
internal sealed record ShardSelection(
    IReadOnlyList<ShardPick> Picks, IReadOnlyList<string> Damaged, IReadOnlyList<string> WithoutImage, IReadOnlyList<string> WithoutLabel,
    IReadOnlyList<SkippedImages> Ignored);
