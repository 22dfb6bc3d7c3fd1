using System.Text;
using System.Text.Json;

namespace Diffusion;

/// <summary>
/// Reads JSON as Python's json module does: it may begin with a byte-order mark, and numbers may be NaN, Infinity and -Infinity, which JSON
/// itself does not have. Each of these three is read as a number that is not an integer and that GetDouble returns as infinity (also NaN),
/// so that a reader must check whether a number is finite.
/// </summary>
internal static class PythonJson
{
    // Numbers beyond the range of a double, which no file contains, represent those that JSON does not have.
    private static readonly (string Python, string Json)[] NotFinite =
        [("-Infinity", "-9e999999998"), ("Infinity", "9e999999998"), ("NaN", "9e999999997")];

    private static readonly (byte[] Python, byte[] Json)[] NotFiniteBytes =
        [.. NotFinite.Select(pair => (Encoding.UTF8.GetBytes(pair.Python), Encoding.UTF8.GetBytes(pair.Json)))];

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true);

    // UTF-32 comes first: its mark starts with that of UTF-16.
    private static readonly Encoding[] WithMarks =
    [
        new UTF32Encoding(bigEndian: false, byteOrderMark: true, throwOnInvalidCharacters: true),
        new UTF32Encoding(bigEndian: true, byteOrderMark: true, throwOnInvalidCharacters: true),
        new UnicodeEncoding(bigEndian: false, byteOrderMark: true, throwOnInvalidBytes: true),
        new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true),
        StrictUtf8,
    ];

    /// <summary>Parses the bytes of a file: UTF-8, or what its byte-order mark says.</summary>
    /// <param name="json">The bytes.</param>
    /// <param name="options">As for any JSON.</param>
    /// <exception cref="JsonException">The text is not JSON as Python writes it.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json, JsonDocumentOptions options = default)
    {
        Encoding? marked = MarkOf(json.Span);
        ReadOnlyMemory<byte> text = json[(marked?.Preamble.Length ?? 0)..];
        return JsonDocument.Parse(AsJson(marked is null or UTF8Encoding ? text : Utf8(marked, text.Span)), options);
    }

    /// <summary>Parses a text.</summary>
    /// <param name="json">The text; a byte-order mark at its start is skipped.</param>
    /// <param name="options">As for any JSON.</param>
    /// <exception cref="JsonException">The text is not JSON as Python writes it.</exception>
    public static JsonDocument Parse(string json, JsonDocumentOptions options = default)
    {
        try
        {
            return Parse(StrictUtf8.GetBytes(json), options);
        }
        catch (EncoderFallbackException problem)
        {
            throw new JsonException("The text is not valid Unicode.", problem);
        }
    }

    /// <summary>The text of a file: UTF-8, or what its byte-order mark says.</summary>
    /// <exception cref="DecoderFallbackException">The bytes are not valid text.</exception>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        Encoding encoding = MarkOf(bytes) ?? StrictUtf8;
        return encoding.GetString(bytes.StartsWith(encoding.Preamble) ? bytes[encoding.Preamble.Length..] : bytes);
    }

    /// <summary>A value as its file writes it, for messages.</summary>
    public static string RawText(JsonElement value)
    {
        string text = value.GetRawText();
        foreach ((string python, string json) in NotFinite)
        {
            text = text.Replace(json, python, StringComparison.Ordinal);
        }

        return text;
    }

    /// <summary>A number as its file writes it: NaN and the two infinities are themselves.</summary>
    /// <param name="value">A number.</param>
    public static double Number(JsonElement value) => RawText(value) == "NaN" ? double.NaN : value.GetDouble();

    /// <summary>Python's text of a number that is not finite.</summary>
    public static string NotFiniteText(double value) =>
        double.IsNaN(value) ? "NaN" : double.IsPositive(value) ? "Infinity" : "-Infinity";

    private static Encoding? MarkOf(ReadOnlySpan<byte> bytes)
    {
        foreach (Encoding encoding in WithMarks)
        {
            if (bytes.StartsWith(encoding.Preamble))
            {
                return encoding;
            }
        }

        return null;
    }

    private static byte[] Utf8(Encoding encoding, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetBytes(encoding.GetString(bytes));
        }
        catch (DecoderFallbackException problem)
        {
            throw new JsonException($"It starts with the byte-order mark of {encoding.WebName}, but is not valid.", problem);
        }
    }

    private static ReadOnlyMemory<byte> AsJson(ReadOnlyMemory<byte> python)
    {
        ReadOnlySpan<byte> text = python.Span;
        if (text.IndexOf("NaN"u8) < 0 && text.IndexOf("Infinity"u8) < 0)
        {
            return python;
        }

        List<byte> json = new(text.Length + 64);
        bool isInString = false;
        for (int at = 0; at < text.Length; at++)
        {
            if (!isInString && LengthOfNotFinite(text, at, json) is > 0 and int length)
            {
                at += length - 1;
                continue;
            }

            json.Add(text[at]);
            if (isInString && text[at] == '\\' && at + 1 < text.Length)
            {
                json.Add(text[++at]);
            }
            else if (text[at] == '"')
            {
                isInString = !isInString;
            }
        }

        return json.ToArray();
    }

    // Adds the number of JSON that stands for what is at a place, where that is a whole value; 0 where it is none.
    private static int LengthOfNotFinite(ReadOnlySpan<byte> text, int at, List<byte> json)
    {
        foreach ((byte[] python, byte[] standIn) in NotFiniteBytes)
        {
            int end = at + python.Length;
            if (text[at..].StartsWith(python) && (at == 0 || " \t\r\n[,:"u8.Contains(text[at - 1]))
                && (end == text.Length || " \t\r\n],}"u8.Contains(text[end])))
            {
                json.AddRange(standIn);
                return python.Length;
            }
        }

        return 0;
    }
}
