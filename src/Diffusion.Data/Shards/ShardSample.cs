using System.Text;

namespace Diffusion.Data;

/// <summary>
/// One sample of a shard, for <see cref="ShardOptions.Where"/> and <see cref="ShardOptions.Map"/>: its key and its files.
/// </summary>
public sealed class ShardSample
{
    private const int MaxReadBytes = 64 << 20;

    private readonly ShardEntry entry;
    private readonly Stream stream;

    internal ShardSample(string shard, ShardEntry entry, Stream stream)
    {
        Shard = shard;
        this.entry = entry;
        this.stream = stream;
    }

    /// <summary>The shard that contains the sample.</summary>
    public string Shard { get; }

    /// <summary>The key, which all of its files share: their path up to the first dot of the file name.</summary>
    public string Key => entry.Key;

    /// <summary>The extensions of its files, in lower case: <c>jpg</c>, <c>cls</c>, <c>seg.png</c>.</summary>
    public IReadOnlyList<string> Extensions => [.. entry.Members.Select(member => member.Extension)];

    /// <summary>
    /// The label in its <c>cls</c> file, or <c>label</c> or <c>cls</c> in its <c>json</c> file; null without a label that is an integer of
    /// at least 0.
    /// </summary>
    public int? Label => entry.Label == ShardEntry.UnreadableLabel ? null : entry.Label;

    /// <summary>Reads one of its files.</summary>
    /// <param name="extension">One of <see cref="Extensions"/>.</param>
    /// <exception cref="ImageDataException">
    /// The file is missing, larger than 64 MiB, or a link to a file that is not in the shard.
    /// </exception>
    public byte[] Read(string extension)
    {
        ArgumentNullException.ThrowIfNull(extension);
        ShardMember member = entry.Members.FirstOrDefault(member => member.Extension == extension);
        string? problem = member.Extension is null ? $"it has no file '.{extension}', only {string.Join(", ", Extensions)}."
            : member.IsMissing ? $"its file '.{extension}' is a link to a file that is not in the shard."
            : member.Size > MaxReadBytes ? $"its file '.{extension}' has {member.Size} bytes, more than {MaxReadBytes}."
            : null;
        if (problem is not null)
        {
            throw new ImageDataException($"{Shard}, sample {Key}", problem);
        }

        byte[] bytes = new byte[member.Size];
        stream.Position = member.Offset;
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Reads one of its files as UTF-8 text.</summary>
    /// <param name="extension">One of <see cref="Extensions"/>.</param>
    /// <exception cref="ImageDataException">The file is missing or larger than 64 MiB.</exception>
    public string ReadText(string extension) => Encoding.UTF8.GetString(Read(extension));
}
