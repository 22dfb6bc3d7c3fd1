using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>The differences between the run that wrote a checkpoint and the run that resumes from it.</summary>
internal static class OptionChanges
{
    /// <summary>Returns a sentence for each difference. Values that consist of options are compared option by option.</summary>
    /// <param name="values">The name, the saved value and the current value.</param>
    public static IReadOnlyList<string> Of(params (string What, object? Saved, object? Current)[] values) =>
        [.. values.Where(v => !Equals(v.Saved, v.Current)).SelectMany(v => ChangesOf(v.What, v.Saved, v.Current))];

    private static IEnumerable<string> ChangesOf(string what, object? saved, object? current) =>
        AsObject(saved) is { } before && AsObject(current) is { } now
            ? JsonDifferences.Of(before, now).Select(part => $"{what}.{part.Name} was {part.First} and is {part.Second}")
            : [string.Create(CultureInfo.InvariantCulture, $"{what} was {saved ?? "none"} and is {current ?? "none"}")];

    private static JsonObject? AsObject(object? value)
    {
        JsonNode? record = value switch
        {
            LearningRate rate => JsonSerializer.SerializeToNode(rate, CheckpointJson.Default.LearningRate),
            LossScaleOptions scale => JsonSerializer.SerializeToNode(scale, CheckpointJson.Default.LossScaleOptions),
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
