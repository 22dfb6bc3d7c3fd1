using System.Text.Json;

namespace Diffusion.Data.Parquet;

/// <summary>What Hugging Face's library writes into a file about its columns: JSON with info.features.{column}.names for classes.</summary>
internal static class HuggingFaceFeatures
{
    private const string Key = "huggingface";

    /// <summary>The names of the classes of a column; empty where there are none, or where the note is not as expected.</summary>
    public static IReadOnlyList<string> ClassNames(IReadOnlyDictionary<string, string>? metadata, string column)
    {
        if (metadata is null || !metadata.TryGetValue(Key, out string? json) || string.IsNullOrWhiteSpace(json))
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
        catch (JsonException)
        {
            // It only names things: images and labels are as good without it.
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
