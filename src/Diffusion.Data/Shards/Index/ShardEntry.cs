namespace Diffusion.Data;

/// <summary>One sample of a shard: the positions of its files.</summary>
/// <param name="Key">The key of the sample.</param>
/// <param name="Members">The files, in the order of the shard.</param>
/// <param name="Label">
/// The label in its <c>cls</c> or <c>json</c> file; null without one, <see cref="UnreadableLabel"/> when it is invalid.
/// </param>
internal sealed record ShardEntry(string Key, IReadOnlyList<ShardMember> Members, int? Label)
{
    /// <summary>Marks a label that exists but cannot be read.</summary>
    public const int UnreadableLabel = -1;

    private const int NamedFiles = 6;

    /// <summary>The extensions of the files, as messages list them.</summary>
    public string Files =>
        string.Join(", ", Members.Take(NamedFiles).Select(member => $".{member.Extension}"))
        + (Members.Count > NamedFiles ? ", ..." : string.Empty);
}

/// <summary>One file of a sample.</summary>
/// <param name="Extension">In lower case, without the first dot: <c>jpg</c>, <c>seg.png</c>.</param>
/// <param name="Offset">The offset of its first byte in the shard; -1 for a link to a file that is not in the shard.</param>
/// <param name="Size">The size, in bytes.</param>
internal readonly record struct ShardMember(string Extension, long Offset, long Size)
{
    /// <summary>Whether it is a link to a file that is not in the shard.</summary>
    public bool IsMissing => Offset < 0;
}
