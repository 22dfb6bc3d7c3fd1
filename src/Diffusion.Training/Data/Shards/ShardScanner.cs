using System.Globalization;
using System.Text;
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
    /// <exception cref="ImageDataException">
    /// The archive is damaged; a sample has two files of one extension, or comes in two places; a label cannot be read.
    /// </exception>
    public static IReadOnlyList<ShardEntry> Scan(Stream stream, string name)
    {
        TarReader tar = new(stream, name);
        List<ShardEntry> samples = [];
        HashSet<string> keys = new(StringComparer.Ordinal);
        string? current = null;
        List<ShardMember> members = [];
        while (tar.TryReadNext(out TarEntry entry))
        {
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
                samples.Add(new ShardEntry(current, members, LabelOf(stream, name, current, members)));
            }
        }
    }

    private static int? LabelOf(Stream stream, string name, string key, List<ShardMember> members)
    {
        if (members.Find(member => member.Extension == "cls") is { Extension: not null } number)
        {
            string text = Encoding.ASCII.GetString(Bytes(stream, name, key, number)).Trim();
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int label)
                ? label
                : throw new ImageDataException(name, $"sample '{key}' has the label '{text[..Math.Min(20, text.Length)]}' in its cls file, but labels are whole numbers from 0.");
        }

        return members.Find(member => member.Extension == "json") is { Extension: not null } json ? LabelIn(Bytes(stream, name, key, json), name, key) : null;
    }

    private static int? LabelIn(byte[] json, string name, string key)
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
            throw new ImageDataException(name, $"sample '{key}' has a json file that cannot be read: {problem.Message}", problem);
        }
    }

    private static byte[] Bytes(Stream stream, string name, string key, ShardMember member)
    {
        if (member.Size > LongestLabelFile)
        {
            throw new ImageDataException(name, $"sample '{key}' has a '{member.Extension}' file of {member.Size} bytes, more than the {LongestLabelFile} that are read for a label.");
        }

        byte[] bytes = new byte[member.Size];
        stream.Position = member.Offset;
        stream.ReadExactly(bytes);
        return bytes;
    }
}
