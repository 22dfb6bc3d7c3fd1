using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Diffusion.Data;

/// <summary>The label of a sample: the number in its <c>cls</c> file, or <c>label</c> or <c>cls</c> in its <c>json</c> file.</summary>
/// <param name="Value">The label, at least 0; null without one.</param>
/// <param name="Problem">What is wrong with the label; null when nothing is.</param>
internal readonly record struct ShardLabel(int? Value, string? Problem)
{
    private const int MaxFile = 1 << 20;
    private const int MaxQuoteLength = 40;
    private const int MaxJsonDepth = 1000; // the limit of Python's json module

    private const NumberStyles Decimal = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent | NumberStyles.AllowLeadingSign;

    private static readonly string[] Names = ["label", "cls"];

    /// <summary>Reads the label of a sample.</summary>
    /// <param name="stream">The shard.</param>
    /// <param name="members">The sample's files.</param>
    public static ShardLabel Read(Stream stream, IReadOnlyList<ShardMember> members)
    {
        foreach (ShardMember member in members)
        {
            if (member.Extension == "cls")
            {
                return TryRead(stream, member, out byte[] bytes) is { } problem ? new ShardLabel(null, problem) : FromText(bytes);
            }
        }

        foreach (ShardMember member in members)
        {
            if (member.Extension == "json")
            {
                return TryRead(stream, member, out byte[] bytes) is { } problem ? new ShardLabel(null, problem) : FromJson(bytes);
            }
        }

        return default;
    }

    private static ShardLabel FromText(byte[] bytes)
    {
        try
        {
            string text = PythonJson.Decode(bytes).Trim();
            return TryInteger(text, out int label) ? new ShardLabel(label, null) : new ShardLabel(null, $"cls is {Quote($"\"{text}\"")}");
        }
        catch (DecoderFallbackException)
        {
            return new ShardLabel(null, "cls is not text");
        }
    }

    private static ShardLabel FromJson(byte[] bytes)
    {
        try
        {
            using JsonDocument document = PythonJson.Parse(bytes, new JsonDocumentOptions { MaxDepth = MaxJsonDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return default;
            }

            foreach (string name in Names)
            {
                if (TryFind(document.RootElement, name) is { } value)
                {
                    return value.ValueKind == JsonValueKind.Number && TryInteger(value.GetRawText(), out int label)
                        ? new ShardLabel(label, null)
                        : new ShardLabel(null, $"{name} in json is {Quote(PythonJson.RawText(value))}");
                }
            }

            return default;
        }
        catch (JsonException problem)
        {
            return MayHoldLabel(bytes) ? new ShardLabel(null, $"json is damaged: {problem.Message.TrimEnd('.')}") : default;
        }
    }

    // The last property of a name, as in Python. Names with half a surrogate pair, which Python may write, cannot be compared and never
    // match.
    private static JsonElement? TryFind(JsonElement json, string name)
    {
        JsonElement? found = null;
        foreach (JsonProperty property in json.EnumerateObject())
        {
            try
            {
                found = property.NameEquals(name) ? property.Value : found;
            }
            catch (InvalidOperationException)
            {
                continue;
            }
        }

        return found;
    }

    // Damaged JSON without the name of a label loses no label.
    private static bool MayHoldLabel(byte[] bytes)
    {
        string text = Encoding.UTF8.GetString(bytes).Replace("\0", string.Empty, StringComparison.Ordinal); // UTF-16 too
        return Array.Exists(Names, name => text.Contains($"\"{name}\"", StringComparison.Ordinal));
    }

    // Accepts 3, 3.0 and 3e0.
    private static bool TryInteger(string text, out int label)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out label))
        {
            return true;
        }

        bool isWhole = double.TryParse(text, Decimal, CultureInfo.InvariantCulture, out double number)
            && number >= 0 && number <= int.MaxValue && Math.Floor(number) == number;
        label = isWhole ? (int)number : 0;
        return isWhole;
    }

    // Returns what is wrong with the file; null on success.
    private static string? TryRead(Stream stream, ShardMember member, out byte[] bytes)
    {
        bytes = [];
        if (member.IsMissing)
        {
            return $"{member.Extension} is a link to a file that is not in the shard";
        }

        if (member.Size > MaxFile)
        {
            return $"{member.Extension} has {member.Size} bytes, more than {MaxFile}";
        }

        bytes = new byte[member.Size];
        stream.Position = member.Offset;
        stream.ReadExactly(bytes);
        return null;
    }

    private static string Quote(string text)
    {
        string line = new([.. text.Take(MaxQuoteLength).Select(letter => char.IsControl(letter) ? ' ' : letter)]);
        return text.Length > MaxQuoteLength ? line + "..." : line;
    }
}
