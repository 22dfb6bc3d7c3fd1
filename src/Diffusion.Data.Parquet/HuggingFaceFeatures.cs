using System.Text.Json;
using Parquet.Meta;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Reads the metadata that Hugging Face's datasets library stores about the columns of a file: JSON with info.features.{column}.names for
/// classes.
/// </summary>
internal static class HuggingFaceFeatures
{
    private const string Key = "huggingface";

    /// <summary>The JSON in the metadata of a file; null if there is none.</summary>
    public static string? Find(IReadOnlyList<KeyValue>? notes) =>
        notes?.FirstOrDefault(note => string.Equals(note.Key, Key, StringComparison.Ordinal))?.Value;

    /// <summary>The names of the classes of a column; empty if there are none, or if the JSON has another structure.</summary>
    public static IReadOnlyList<string> ClassNames(string? json, string column) => Read(
        json,
        root => Part(root, "info", "features", column, "names") is { ValueKind: JsonValueKind.Array } names
            && names.EnumerateArray().All(name => name.ValueKind == JsonValueKind.String)
            ? [.. names.EnumerateArray().Select(name => name.GetString()!)]
            : []);

    /// <summary>
    /// The columns of a type, <c>Image</c> or <c>ClassLabel</c>; empty if there are none, or if the JSON has another structure.
    /// </summary>
    public static IReadOnlyList<string> ColumnsOf(string? json, string type) => Read(
        json,
        root => Part(root, "info", "features") is { ValueKind: JsonValueKind.Object } features
            ? [.. features.EnumerateObject()
                .Where(column => Part(column.Value, "_type") is { ValueKind: JsonValueKind.String } kind && kind.ValueEquals(type))
                .Select(column => column.Name)]
            : []);

    private static IReadOnlyList<string> Read(string? json, Func<JsonElement, IReadOnlyList<string>> read)
    {
        if (string.IsNullOrWhiteSpace(json))
        {
            return [];
        }

        try
        {
            using JsonDocument document = PythonJson.Parse(json);
            return read(document.RootElement);
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            // The metadata is optional. InvalidOperationException means half of a surrogate pair (\uD800) in a name.
            return [];
        }
    }

    private static JsonElement? Part(JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (string name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
            {
                return null;
            }
        }

        return element;
    }
}
