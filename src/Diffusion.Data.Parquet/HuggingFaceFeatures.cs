using System.Text.Json;
using Parquet.Meta;

namespace Diffusion.Data.Parquet;

/// <summary>What Hugging Face's library writes into a file about its columns: JSON with info.features.{column}.names for classes.</summary>
internal static class HuggingFaceFeatures
{
    private const string Key = "huggingface";

    /// <summary>The JSON among the notes of a file; null without.</summary>
    public static string? Find(IReadOnlyList<KeyValue>? notes) => notes?.FirstOrDefault(note => string.Equals(note.Key, Key, StringComparison.Ordinal))?.Value;

    /// <summary>The names of the classes of a column; empty where there are none, or where the JSON is not as expected.</summary>
    public static IReadOnlyList<string> ClassNames(string? json, string column)
    {
        if (string.IsNullOrWhiteSpace(json))
        {
            return [];
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return Part(document.RootElement, "info", "features", column, "names") is { ValueKind: JsonValueKind.Array } names
                && names.EnumerateArray().All(name => name.ValueKind == JsonValueKind.String)
                ? [.. names.EnumerateArray().Select(name => name.GetString()!)]
                : [];
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException)
        {
            // It only names things: images and labels are as good without it. The second is half of a character (\uD800) in a name.
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
