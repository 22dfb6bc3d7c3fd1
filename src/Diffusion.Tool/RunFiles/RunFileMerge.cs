using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.RunFiles;

/// <summary>Writes the values of a run file over the defaults, and lists every unknown name and wrong value.</summary>
internal sealed class RunFileMerge
{
    private readonly List<string> problems = [];

    /// <summary>The problems, each with its remedy.</summary>
    public IReadOnlyList<string> Problems => problems;

    /// <summary>Merges one section.</summary>
    /// <param name="defaults">The section with every option; changed.</param>
    /// <param name="given">The section of the run file.</param>
    /// <param name="type">The options of the section.</param>
    /// <param name="path">The names before the section's options: <c>training.</c>; empty for the whole file.</param>
    public void Apply(JsonObject defaults, JsonObject given, JsonTypeInfo type, string path = "")
    {
        foreach ((string name, JsonNode? value) in given)
        {
            string full = $"{path}{name}";
            JsonPropertyInfo? option = type.Properties.FirstOrDefault(
                property => property.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (option is null)
            {
                string[] names = [.. type.Properties.Select(property => property.Name)];
                string remedy = NearestName.Of(name, names) is { } nearest
                    ? $"Did you mean {path}{nearest}?"
                    : $"Use {string.Join(", ", names)}.";
                problems.Add($"{full} is unknown. {remedy}");
                continue;
            }

            JsonTypeInfo optionType = RunFileJson.Default.GetTypeInfo(option.PropertyType)!;
            if (optionType.Kind == JsonTypeInfoKind.Object)
            {
                ApplySection(defaults[option.Name]!.AsObject(), value, optionType, full);
            }
            else if (Fits(value, option, optionType))
            {
                defaults[option.Name] = value?.DeepClone();
            }
            else
            {
                problems.Add(Mistake(value, option.PropertyType, full));
            }
        }
    }

    // A section without a value, as YAML's "training:" alone, keeps its defaults.
    private void ApplySection(JsonObject defaults, JsonNode? value, JsonTypeInfo type, string full)
    {
        if (value is JsonObject section)
        {
            Apply(defaults, section, type, $"{full}.");
        }
        else if (value is not null)
        {
            problems.Add($"{full} is {value.ToJsonString()}, but must be a section with "
                + $"{string.Join(", ", type.Properties.Select(property => property.Name))}.");
        }
    }

    // Of a list of choices the first that is none, such as network.unet.upBlockTypes[1].
    private static string Mistake(JsonNode? value, Type type, string full)
    {
        if (value is JsonArray list && type.GetElementType() is { IsEnum: true } choice)
        {
            JsonTypeInfo choices = RunFileJson.Default.GetTypeInfo(choice)!;
            int wrong = list.TakeWhile(item => item is not null && Reads(item, choices)).Count();
            return Mistake(list[wrong], choice, $"{full}[{wrong}]");
        }

        string actual = value is JsonValue text && text.TryGetValue(out string? words) ? words : value?.ToJsonString() ?? "null";
        return $"{full} is {actual}, but must be {ExpectedValue.Of(type, actual)}";
    }

    private static bool Fits(JsonNode? value, JsonPropertyInfo option, JsonTypeInfo type) => value is null
        ? Nullable.GetUnderlyingType(option.PropertyType) is not null || (!option.PropertyType.IsValueType && option.IsSetNullable)
        : Reads(value, type);

    private static bool Reads(JsonNode value, JsonTypeInfo type)
    {
        try
        {
            _ = value.Deserialize(type);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
