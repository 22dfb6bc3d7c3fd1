using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>What is different between the run that wrote a checkpoint and the one that resumes from it.</summary>
internal static class OptionChanges
{
    /// <summary>The values that differ, each as a sentence; values with options of their own are told option by option.</summary>
    /// <param name="values">What it is, what was saved, and what it is now.</param>
    public static IReadOnlyList<string> Of(params (string What, object? Saved, object? Mine)[] values) =>
        [.. values.Where(v => !Equals(v.Saved, v.Mine)).SelectMany(v => ChangesOf(v.What, v.Saved, v.Mine))];

    // What has options of its own is told option by option.
    private static IEnumerable<string> ChangesOf(string what, object? saved, object? mine) =>
        AsObject(saved) is { } before && AsObject(mine) is { } now
            ? JsonDifferences.Of(before, now).Select(part => $"{what}.{part.Name} was {part.First} and is {part.Second}")
            : [string.Create(CultureInfo.InvariantCulture, $"{what} was {saved ?? "none"} and is {mine ?? "none"}")];

    private static JsonObject? AsObject(object? value)
    {
        JsonNode? record = value switch
        {
            LearningRate rate => JsonSerializer.SerializeToNode(rate, CheckpointJson.Default.LearningRate),
            ObjectiveOptions objective => JsonSerializer.SerializeToNode(objective, CheckpointJson.Default.ObjectiveOptions),
            _ => null,
        };
        if (record is JsonObject parts)
        {
            return new JsonObject([.. parts
                .Select(part => KeyValuePair.Create($"{char.ToUpperInvariant(part.Key[0])}{part.Key[1..]}", part.Value?.DeepClone()))]);
        }

        try
        {
            return value is string text && text.StartsWith('{') ? JsonNode.Parse(text) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
