namespace Diffusion.Training;

/// <summary>One sample of a shard: where each of its files lies.</summary>
/// <param name="Key">Its key in the shard.</param>
/// <param name="Members">Its files, in the order of the shard.</param>
/// <param name="Label">The label that its <c>cls</c> or <c>json</c> file gives; null without one, <see cref="UnreadableLabel"/> where it is damaged.</param>
internal sealed record ShardEntry(string Key, IReadOnlyList<ShardMember> Members, int? Label)
{
    /// <summary>Stands for a label that the sample has, and that cannot be read.</summary>
    public const int UnreadableLabel = -1;
}

/// <summary>One file of a sample.</summary>
/// <param name="Extension">In lower case, without the first dot: <c>jpg</c>, <c>seg.png</c>.</param>
/// <param name="Offset">Where its bytes begin in the shard.</param>
/// <param name="Size">How many bytes it has.</param>
internal readonly record struct ShardMember(string Extension, long Offset, long Size);
