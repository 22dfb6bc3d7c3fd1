using System.Text.Json;

namespace Diffusion;

/// <summary>One key of a scheduler's file.</summary>
/// <param name="Name">The key.</param>
/// <param name="Kind">The type of its value.</param>
/// <param name="Default">The value where the file does not have the key; null for none.</param>
internal sealed record DiffusersSetting(string Name, DiffusersValueKind Kind, object? Default)
{
    private static readonly (Func<double, bool> Fits, string Must) AnyRange = (_ => true, "");

    /// <summary>Whether the value may be null.</summary>
    public bool IsOptional { get; init; }

    /// <summary>The supported strings; null for any.</summary>
    public IReadOnlyList<string>? Choices { get; init; }

    /// <summary>Strings that diffusers replaces: those of files that were written for other schedulers.</summary>
    public IReadOnlyDictionary<string, string> OldNames { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The numbers that are supported, and what a number must be.</summary>
    public (Func<double, bool> Fits, string Must) Range { get; init; } = AnyRange;

    /// <summary>The flag without which the value has no effect; null if it always has one.</summary>
    public string? Switch { get; init; }

    public static DiffusersSetting Flag(string name, bool value) => new(name, DiffusersValueKind.Flag, value);

    public static DiffusersSetting Integer(string name, int value, int min) =>
        new(name, DiffusersValueKind.Integer, value) { Range = (number => number >= min, $"must be at least {min}.") };

    public static DiffusersSetting Number(string name, double value) => new(name, DiffusersValueKind.Number, value);

    /// <summary>A number above 0.</summary>
    public static DiffusersSetting Positive(string name, double value) =>
        Number(name, value) with { Range = (number => number > 0, "must be a number above 0.") };

    /// <summary>A number above 0, or null.</summary>
    public static DiffusersSetting OptionalPositive(string name) => Positive(name, 1) with { Default = null, IsOptional = true };

    public static DiffusersSetting Choice(string name, string value, params IReadOnlyList<string> choices) =>
        new(name, DiffusersValueKind.Text, value) { Choices = choices };

    /// <summary>Reads a value of a file, which may be one that the key had before.</summary>
    /// <exception cref="FormatException">Says what it must be.</exception>
    public object? Read(JsonElement json)
    {
        object? value = json.ValueKind == JsonValueKind.Null && IsOptional ? null : Kind.Read(json);
        return Choices is null ? value : Chosen((string?)value);
    }

    /// <summary>The value that has an effect: that of the settings, in its present name, or the default.</summary>
    public object? In(IReadOnlyDictionary<string, object?> values) => values.TryGetValue(Name, out object? value)
        ? value is string text && OldNames.TryGetValue(text, out string? present) ? present : value
        : Default;

    /// <summary>Why the value of the settings is not supported; null if it is.</summary>
    public string? Problem(IReadOnlyDictionary<string, object?> values)
    {
        object? value = In(values);
        if (value is null)
        {
            return IsOptional ? null : $"{Name} is null, but {Kind.Must}";
        }

        if (Kind.TryConvert(value) is not { } converted)
        {
            return $"{Name} is {value}, but {Kind.Must}";
        }

        if (converted is string text && Choices is not null && !Choices.Contains(text, StringComparer.Ordinal))
        {
            return $"{Name} is \"{text}\", but {MustBeChoice}";
        }

        bool isOff = Switch is not null && values.TryGetValue(Switch, out object? flag) && flag is false;
        return isOff || converted is not (int or double) || Range.Fits(Convert.ToDouble(converted, null))
            ? null
            : $"{Name} is {value}, but {Range.Must}";
    }

    /// <summary>Writes a value.</summary>
    public void Write(Utf8JsonWriter writer, object? value)
    {
        writer.WritePropertyName(Name);
        if (value is null)
        {
            writer.WriteNullValue();
        }
        else
        {
            Kind.Write(writer, value);
        }
    }

    private string MustBeChoice => $"must be {string.Join(" or ", Choices!.Select(choice => $"\"{choice}\""))}.";

    private string? Chosen(string? text) => text is null || Choices!.Contains(text, StringComparer.Ordinal) ? text
        : OldNames.TryGetValue(text, out string? present) ? present
        : throw new FormatException(MustBeChoice);
}
