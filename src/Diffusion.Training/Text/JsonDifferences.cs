using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>The differences between two JSON objects, part by part.</summary>
internal static class JsonDifferences
{
    /// <summary>Returns the parts that differ, in the order of the objects.</summary>
    /// <returns>The name of each part, with dots between levels, and both values as JSON; "none" for a missing part.</returns>
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
