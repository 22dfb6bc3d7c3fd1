using System.Globalization;
using System.Text.Json;

namespace Diffusion.Training;

/// <summary>Goes through a whole shard once and finds its samples, by WebDataset's rules.</summary>
internal static class ShardScanner
{
    private const int LongestLabelFile = 1 << 20;
    private const int MostMembers = 1000;

    /// <summary>The samples of a shard, in its order.</summary>
    /// <param name="stream">The tar archive; it can seek, and stays its caller's.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="cancellationToken">Ends the scan between two files.</param>
    /// <exception cref="ImageDataException">The archive is damaged; a sample has two files of one extension, or comes in two places.</exception>
    public static IReadOnlyList<ShardEntry> Scan(Stream stream, string name, CancellationToken cancellationToken)
    {
        TarReader tar = new(stream, name);
        List<ShardEntry> samples = [];
        HashSet<string> keys = new(StringComparer.Ordinal);
        string? current = null;
        List<ShardMember> members = [];
        while (tar.TryReadNext(out TarEntry entry))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!entry.IsFile || !ShardKey.TrySplit(entry.Name, out string key, out string extension))
            {
                continue;
            }

            if (key != current)
            {
                Finish();
                current = key;
                members = [];
                if (!keys.Add(key))
                {
                    throw new ImageDataException(
                        name, $"at byte {entry.HeaderOffset}: the files of sample '{key}' do not lie together. Write the shard in order: tar --sort=name.");
                }
            }

            if (members.Exists(member => member.Extension == extension))
            {
                throw new ImageDataException(name, $"at byte {entry.HeaderOffset}: sample '{key}' has two files '.{extension}'. Give each its own extension.");
            }

            if (members.Count == MostMembers)
            {
                throw new ImageDataException(name, $"at byte {entry.HeaderOffset}: sample '{key}' has more than {MostMembers} files. Give each sample its own key.");
            }

            members.Add(new ShardMember(extension, entry.Offset, entry.Size));
        }

        Finish();
        return samples;

        void Finish()
        {
            if (current is not null)
            {
                samples.Add(new ShardEntry(current, members, LabelOf(stream, members)));
            }
        }
    }

    private static int? LabelOf(Stream stream, List<ShardMember> members)
    {
        if (members.Find(member => member.Extension == "cls") is { Extension: not null } number)
        {
            return TryRead(stream, number) is { } digits && int.TryParse(digits.AsSpan().Trim(" \t\r\n"u8), NumberStyles.None, CultureInfo.InvariantCulture, out int label)
                ? label
                : ShardEntry.UnreadableLabel;
        }

        return members.Find(member => member.Extension == "json") is not { Extension: not null } json ? null
            : TryRead(stream, json) is { } text ? LabelIn(text)
            : ShardEntry.UnreadableLabel;
    }

    private static int? LabelIn(byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && (document.RootElement.TryGetProperty("label", out JsonElement label) || document.RootElement.TryGetProperty("cls", out label))
                && label.ValueKind == JsonValueKind.Number && label.TryGetInt32(out int value) && value >= 0
                ? value
                : null;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            // The second comes of names with half a surrogate pair, which are found out only when they are looked at.
            return ShardEntry.UnreadableLabel;
        }
    }

    private static byte[]? TryRead(Stream stream, ShardMember member)
    {
        if (member.Size > LongestLabelFile)
        {
            return null;
        }

        byte[] bytes = new byte[member.Size];
        stream.Position = member.Offset;
        stream.ReadExactly(bytes);
        return bytes;
    }
}
