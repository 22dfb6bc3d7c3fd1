using System.Text.Json;
using Diffusion.Sampling.Tests.Traces;

namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>A scheduler's file as JSON.</summary>
public sealed class ConfigSettings : IRecordedSettings
{
    private readonly JsonElement json;

    public ConfigSettings(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text.Replace("-Infinity", "\"-Infinity\"", StringComparison.Ordinal));
        json = document.RootElement.Clone();
    }

    /// <summary>The class.</summary>
    public string ClassName => Word("_class_name")!;

    public string Class => ClassName.Replace("Scheduler", "", StringComparison.Ordinal);

    /// <summary>The keys and values as text, without notes.</summary>
    public IReadOnlyDictionary<string, string> Values => json.EnumerateObject()
        .Where(property => !property.Name.StartsWith('_') || property.Name == "_class_name")
        .ToDictionary(property => property.Name, property => Text(property.Value));

    public bool Flag(string name) => json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.True;

    public string? Word(string name) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public double? Number(string name) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    /// <summary>Whether the file has another value than null.</summary>
    public bool Has(string name) => json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    // 500 and 500.0 are the same number.
    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble().ToString("R", System.Globalization.CultureInfo.InvariantCulture),
        JsonValueKind.Array => $"[{string.Join(",", value.EnumerateArray().Select(Text))}]",
        _ => value.GetRawText(),
    };
}
