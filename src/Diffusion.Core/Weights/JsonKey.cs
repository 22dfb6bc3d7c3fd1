using System.Text.Json;

namespace Diffusion;

/// <summary>One key of a configuration file.</summary>
/// <param name="Name">The key.</param>
/// <param name="Read">
/// Adds this key's value to what was read before; throws a <see cref="FormatException"/> that says what the value must be.
/// </param>
/// <param name="Write">Writes the value; null for keys of old files, which are not written.</param>
internal sealed record JsonKey<T>(string Name, Func<T, JsonElement, T> Read, Action<Utf8JsonWriter, T>? Write = null);

/// <summary>Configuration files as tables of keys.</summary>
internal static class JsonKeys
{
    private const int MaxProblems = 100;

    /// <summary>Reads an object key by key.</summary>
    /// <param name="json">The object.</param>
    /// <param name="start">The defaults.</param>
    /// <param name="keys">The supported keys.</param>
    /// <param name="isNote">Whether a key can be ignored.</param>
    /// <param name="problems">Receives every key and value that is not supported, at most 100.</param>
    public static T Read<T>(
        JsonElement json, T start, IReadOnlyList<JsonKey<T>> keys, Func<JsonProperty, bool> isNote, ICollection<string> problems)
    {
        T result = start;
        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (problems.Count == MaxProblems)
            {
                problems.Add("There are more options that were not read.");
                break;
            }

            string name = JsonValues.NameOf(property);
            try
            {
                if (!isNote(property))
                {
                    result = Find(keys, name).Read(result, property.Value);
                }
            }
            catch (FormatException e)
            {
                problems.Add($"{name} is {JsonValues.Shown(property.Value)}, but {e.Message}");
            }
        }

        return result;
    }

    /// <summary>Writes every key that is written, in the order of the table.</summary>
    public static void Write<T>(Utf8JsonWriter writer, T value, IReadOnlyList<JsonKey<T>> keys)
    {
        foreach (JsonKey<T> key in keys.Where(key => key.Write is not null))
        {
            writer.WritePropertyName(key.Name);
            key.Write!(writer, value);
        }
    }

    /// <summary>The error of a configuration with problems.</summary>
    public static FormatException Refuse(string what, IEnumerable<string> problems) =>
        new($"This {what} is not supported:{Environment.NewLine}- {string.Join($"{Environment.NewLine}- ", problems)}");

    private static JsonKey<T> Find<T>(IReadOnlyList<JsonKey<T>> keys, string name) =>
        keys.FirstOrDefault(key => key.Name == name)
        ?? throw new FormatException(
            $"this option is unknown. There are {string.Join(", ", keys.Select(key => key.Name))}.");
}
