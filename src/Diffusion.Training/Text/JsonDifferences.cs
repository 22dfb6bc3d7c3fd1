using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>Where two values are different, part by part.</summary>
internal static class JsonDifferences
{
    /// <summary>The parts that differ, in the order in which the values have them.</summary>
    /// <returns>The name of each part, dots between levels, and both values as JSON; "none" for one that is not there.</returns>
    public static IEnumerable<(string Name, string First, string Second)> Of(JsonObject first, JsonObject second)
    {
        foreach (string name in first.Concat(second).Select(part => part.Key).Distinct(StringComparer.Ordinal))
        {
            JsonNode? one = first[name];
            JsonNode? other = second[name];
            if (one is JsonObject inOne && other is JsonObject inOther)
            {
                foreach ((string inner, string a, string b) in Of(inOne, inOther))
                {
                    yield return ($"{name}.{inner}", a, b);
                }
            }
            else if (!JsonNode.DeepEquals(one, other))
            {
                yield return (name, Text(one), Text(other));
            }
        }
    }

    private static string Text(JsonNode? value) => value?.ToJsonString() ?? "none";
}
