using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Diffusion;

/// <summary>Writes JSON as Python's json.dumps(indent=2) does.</summary>
internal static class PythonJsonWriter
{
    // Python escapes no ASCII character that JSON allows.
    private static readonly JsonWriterOptions Indented = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true, IndentSize = 2, NewLine = "\n",
    };

    /// <summary>The bytes of one object.</summary>
    /// <param name="writeKeys">Writes its keys and values.</param>
    public static byte[] Object(Action<Utf8JsonWriter> writeKeys)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, Indented))
        {
            writer.WriteStartObject();
            writeKeys(writer);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>Writes a number as Python's float: 0.0, 1e-05, -Infinity.</summary>
    public static void WriteFloat(Utf8JsonWriter writer, double value)
    {
        if (!double.IsFinite(value))
        {
            writer.WriteRawValue(PythonJson.NotFiniteText(value), skipInputValidation: true);
            return;
        }

        string text = value.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant();
        writer.WriteRawValue(text.AsSpan().ContainsAny('.', 'e') ? text : text + ".0");
    }
}
