using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>The names that options had in checkpoints of earlier versions of this library.</summary>
internal static class EarlierOptionNames
{
    private static readonly (string[] Path, string Name)[] Renamed =
    [
        (["moreEmaDecays"], "additionalEmaDecays"),
        (["loading", "largestBadShare"], "maxBadFraction"),
        (["health", "largestGradientNorm"], "maxGradientNorm"),
    ];

    /// <summary>Gives every option of a manifest its present name.</summary>
    /// <param name="options">The options, changed in place.</param>
    public static void Replace(JsonObject options)
    {
        foreach ((string[] path, string name) in Renamed)
        {
            JsonNode? parent = path[..^1].Aggregate((JsonNode?)options, (node, step) => (node as JsonObject)?[step]);
            if (parent is JsonObject group && group.ContainsKey(path[^1]) && !group.ContainsKey(name))
            {
                JsonNode? value = group[path[^1]];
                group.Remove(path[^1]);
                group[name] = value;
            }
        }
    }
}
