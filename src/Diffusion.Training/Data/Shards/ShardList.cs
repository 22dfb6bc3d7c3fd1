using System.Globalization;
using System.Text.RegularExpressions;

namespace Diffusion.Training;

/// <summary>From a pattern to the names of shards.</summary>
internal static partial class ShardList
{
    private const int MostShards = 1_000_000;

    /// <summary>
    /// The shards that a pattern means: <c>a::b</c> joins lists, a folder means every .tar and .tar.gz in it by name, <c>{000..127}</c> counts,
    /// padded with zeros where the pattern is, and <c>{a,b}</c> takes turns; braces may stand within braces.
    /// </summary>
    /// <exception cref="ImageDataException">The pattern is malformed, means too many shards or none, or local ones are missing.</exception>
    public static IReadOnlyList<string> Expand(string pattern)
    {
        List<string> shards = [];
        foreach (string part in Separator().Split(pattern).Where(part => !string.IsNullOrWhiteSpace(part)))
        {
            foreach (string name in Braces(part.Trim(), pattern))
            {
                shards.AddRange(Directory.Exists(name) ? FilesOf(name) : [name]);
                if (shards.Count > MostShards)
                {
                    throw new ImageDataException(pattern, $"it means more than {MostShards} shards. Pack more samples into each.");
                }
            }
        }

        if (shards.Count == 0)
        {
            throw new ImageDataException(pattern, "it means no shard. Give a folder with .tar or .tar.gz files, or a pattern like shards/train-{000000..000127}.tar.");
        }

        string[] missing = [.. shards.Where(shard => !RemoteShards.IsRemote(shard) && !File.Exists(shard))];
        if (missing.Length > 0)
        {
            throw new ImageDataException(
                pattern, $"{missing.Length} of {shards.Count} shards do not exist: {string.Join(", ", missing.Take(5))}{(missing.Length > 5 ? ", ..." : string.Empty)}");
        }

        return shards;
    }

    // Not the two colons within [::1], a server's address.
    [GeneratedRegex(@"::(?![^\[\]]*\])", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Separator();

    private static IEnumerable<string> FilesOf(string folder) =>
        Directory.GetFiles(folder)
            .Where(file => file.EndsWith(".tar", StringComparison.OrdinalIgnoreCase) || file.EndsWith(".tar.gz", StringComparison.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal);

    private static IEnumerable<string> Braces(string text, string pattern)
    {
        int open = text.IndexOf('{', StringComparison.Ordinal);
        if (open < 0)
        {
            return text.Contains('}', StringComparison.Ordinal) ? throw Malformed(pattern, "a brace is closed that was not opened") : [text];
        }

        int close = Closing(text, open, pattern);
        string inner = text[(open + 1)..close];
        IEnumerable<string> choices = Range(inner, pattern) ?? Alternatives(inner, pattern);
        return choices.SelectMany(choice => Braces(text[(close + 1)..], pattern), (choice, rest) => text[..open] + choice + rest);
    }

    private static IEnumerable<string>? Range(string inner, string pattern)
    {
        string[] ends = inner.Split("..");
        if (ends.Length != 2 || !ends.All(end => end.Length is > 0 and <= 12 && end.All(char.IsAsciiDigit)))
        {
            return null;
        }

        long first = long.Parse(ends[0], CultureInfo.InvariantCulture);
        long last = long.Parse(ends[1], CultureInfo.InvariantCulture);
        if (Math.Abs(last - first) >= MostShards)
        {
            throw Malformed(pattern, $"{{{inner}}} counts further than {MostShards}");
        }

        int width = ends.Any(end => end.Length > 1 && end[0] == '0') ? ends.Max(end => end.Length) : 0;
        int count = (int)Math.Abs(last - first) + 1;
        return Enumerable.Range(0, count).Select(i => (first + (last < first ? -i : i)).ToString(CultureInfo.InvariantCulture).PadLeft(width, '0'));
    }

    private static IEnumerable<string> Alternatives(string inner, string pattern)
    {
        List<string> parts = [];
        int depth = 0;
        int start = 0;
        for (int i = 0; i < inner.Length; i++)
        {
            depth += inner[i] switch { '{' => 1, '}' => -1, _ => 0 };
            if (inner[i] == ',' && depth == 0)
            {
                parts.Add(inner[start..i]);
                start = i + 1;
            }
        }

        parts.Add(inner[start..]);
        return parts.Count > 1
            ? parts.SelectMany(part => Braces(part, pattern))
            : throw Malformed(pattern, $"{{{inner}}} is neither a range like {{000..127}} nor a list like {{a,b}}");
    }

    private static int Closing(string text, int open, string pattern)
    {
        int depth = 0;
        for (int i = open; i < text.Length; i++)
        {
            depth += text[i] switch { '{' => 1, '}' => -1, _ => 0 };
            if (depth == 0)
            {
                return i;
            }
        }

        throw Malformed(pattern, "a brace is opened that is not closed");
    }

    private static ImageDataException Malformed(string pattern, string problem) => new(pattern, $"the pattern is malformed: {problem}.");
}
