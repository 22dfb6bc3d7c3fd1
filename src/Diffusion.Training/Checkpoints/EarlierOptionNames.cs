using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>The names that options had in checkpoints of earlier versions of this library.</summary>
internal static class EarlierOptionNames
{
    private static readonly (string[] Before, string[] Now)[] Moved =
    [
        (["moreEmaDecays"], ["additionalEmaDecays"]),
        (["loading", "largestBadShare"], ["loading", "maxBadFraction"]),
        (["health", "largestGradientNorm"], ["health", "maxGradientNorm"]),
        (["prediction"], ["objective", "prediction"]),
        (["lossSpace"], ["objective", "lossSpace"]),
    ];

    /// <summary>Gives every option of a manifest its present name.</summary>
    /// <param name="options">The options, changed in place.</param>
    public static void Replace(JsonObject options)
    {
        foreach ((string[] before, string[] now) in Moved)
        {
            if (GroupOf(options, before, make: false) is { } from && from.Remove(before[^1], out JsonNode? value)
                && GroupOf(options, now, make: true) is { } to && !to.ContainsKey(now[^1]))
            {
                to[now[^1]] = value;
            }
        }
    }

    private static JsonObject? GroupOf(JsonObject options, string[] path, bool make)
    {
        if (path.Length == 1)
        {
            return options;
        }

        if (make && !options.ContainsKey(path[0]))
        {
            options[path[0]] = new JsonObject();
        }

        return options[path[0]] as JsonObject;
    }
}
