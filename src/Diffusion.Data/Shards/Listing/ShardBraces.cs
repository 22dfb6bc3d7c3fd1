using System.Globalization;

namespace Diffusion.Data;

/// <summary>
/// Expands braces in a pattern like a shell: <c>{000..127}</c> is a range, zero-padded like the pattern, and <c>{a,b}</c> lists
/// alternatives. Braces may be nested.
/// </summary>
internal static class ShardBraces
{
    /// <summary>The maximum number of shards in a pattern.</summary>
    public const int MaxShards = 1_000_000;

    /// <summary>The expansions of a pattern, in order.</summary>
    /// <param name="text">The part of the pattern between <c>::</c>.</param>
    /// <param name="pattern">The pattern as errors show it.</param>
    /// <exception cref="ImageDataException">The braces do not match, or are neither a range nor a list.</exception>
    public static IEnumerable<string> Expand(string text, string pattern)
    {
        int open = text.IndexOf('{', StringComparison.Ordinal);
        if (open < 0)
        {
            return text.Contains('}', StringComparison.Ordinal)
                ? throw Malformed(pattern, "a closing brace has no opening brace")
                : [text];
        }

        int close = Closing(text, open, pattern);
        string inner = text[(open + 1)..close];
        IEnumerable<string> choices = Range(inner, pattern) ?? Alternatives(inner, pattern);
        return choices.SelectMany(choice => Expand(text[(close + 1)..], pattern), (choice, rest) => text[..open] + choice + rest);
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
        if (Math.Abs(last - first) >= MaxShards)
        {
            throw Malformed(pattern, $"{{{inner}}} has more values than {MaxShards}");
        }

        int width = ends.Any(end => end.Length > 1 && end[0] == '0') ? ends.Max(end => end.Length) : 0;
        int count = (int)Math.Abs(last - first) + 1;
        return Enumerable.Range(0, count)
            .Select(i => (first + (last < first ? -i : i)).ToString(CultureInfo.InvariantCulture).PadLeft(width, '0'));
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
            ? parts.SelectMany(part => Expand(part, pattern))
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

        throw Malformed(pattern, "an opening brace has no closing brace");
    }

    private static ImageDataException Malformed(string pattern, string problem) => new(pattern, $"the pattern is malformed: {problem}.");
}
