namespace Diffusion.Data;

/// <summary>One sample of a shard: where each of its files lies.</summary>
/// <param name="Key">Its key in the shard.</param>
/// <param name="Members">Its files, in the order of the shard.</param>
/// <param name="Label">
/// The label that its <c>cls</c> or <c>json</c> file gives; null without one, <see cref="UnreadableLabel"/> where it is damaged.
/// </param>
internal sealed record ShardEntry(string Key, IReadOnlyList<ShardMember> Members, int? Label)
{
    /// <summary>Stands for a label that the sample has, and that cannot be read.</summary>
    public const int UnreadableLabel = -1;

    private const int NamedFiles = 6;

    /// <summary>The extensions of its files, as messages list them.</summary>
    public string Files =>
        string.Join(", ", Members.Take(NamedFiles).Select(member => $".{member.Extension}"))
        + (Members.Count > NamedFiles ? ", ..." : string.Empty);
}

/// <summary>One file of a sample.</summary>
/// <param name="Extension">In lower case, without the first dot: <c>jpg</c>, <c>seg.png</c>.</param>
/// <param name="Offset">Where its bytes begin in the shard; -1 for a link to a file that the shard does not hold.</param>
/// <param name="Size">How many bytes it has.</param>
internal readonly record struct ShardMember(string Extension, long Offset, long Size)
{
    /// <summary>Whether it is a link to a file that the shard does not hold.</summary>
    public bool IsMissing => Offset < 0;
}
