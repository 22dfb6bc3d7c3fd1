using System.Text.Json;

namespace Diffusion;

/// <summary>Reads values of configuration files strictly: each method refuses other kinds of values and says what it must be.</summary>
internal static class JsonValues
{
    private const int MaxShown = 100;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Parses a JSON object without duplicate names.</summary>
    /// <exception cref="FormatException">It is not.</exception>
    public static JsonDocument Parse(string json)
    {
        try
        {
            JsonDocument document = PythonJson.Parse(json, Strict);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw new FormatException("The configuration must be a JSON object.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException($"The configuration is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>The name of a property.</summary>
    public static string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException e)
        {
            throw new FormatException("The configuration is not valid JSON: the name of an option is not valid Unicode.", e);
        }
    }

    /// <summary>A value as its file writes it, truncated if long, for messages.</summary>
    public static string Shown(JsonElement value)
    {
        string text = PythonJson.RawText(value);
        return text.Length <= MaxShown ? text : $"{text[..MaxShown]}...";
    }

    public static int Integer(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
            ? number
            : throw new FormatException("must be an integer.");

    public static double Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.GetDouble() is var number && double.IsFinite(number)
            ? number
            : throw new FormatException("must be a number, and finite.");

    public static bool Flag(JsonElement value) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw new FormatException("must be true or false.");

    public static string Text(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            throw new FormatException("must be a string.");
        }

        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new FormatException("must be valid Unicode.", e);
        }
    }

    public static T? OrNull<T>(JsonElement value, Func<JsonElement, T> read)
        where T : struct => value.ValueKind == JsonValueKind.Null ? null : read(value);

    public static T[] Items<T>(JsonElement value, Func<JsonElement, T> read) =>
        value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(read)] : throw new FormatException("must be an array.");

    /// <summary>The choice that a text names.</summary>
    /// <param name="text">The text.</param>
    /// <param name="nameOf">The text of a choice.</param>
    /// <param name="choices">The supported choices; all by default.</param>
    public static T ChoiceOf<T>(string text, Func<T, string> nameOf, IReadOnlyList<T>? choices = null)
        where T : struct, Enum
    {
        choices ??= Enum.GetValues<T>();
        foreach (T choice in choices)
        {
            if (nameOf(choice) == text)
            {
                return choice;
            }
        }

        throw new FormatException(
            $"\"{text}\" is not supported; there are {string.Join(", ", choices.Select(c => $"\"{nameOf(c)}\""))}.");
    }

    /// <summary>The name of a choice as Python writes it: FixedSmall is fixed_small.</summary>
    public static string SnakeCase<T>(T choice)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(choice.ToString());
}
