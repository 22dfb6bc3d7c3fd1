using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>The names of options in checkpoints of earlier versions of this library.</summary>
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

    /// <summary>Replaces the old names of options with the current ones.</summary>
    /// <param name="options">The options, edited in place.</param>
    public static void Replace(JsonObject options)
    {
        foreach ((string[] before, string[] now) in Moved)
        {
            if (GroupOf(options, before, create: false) is { } from && from.Remove(before[^1], out JsonNode? value)
                && GroupOf(options, now, create: true) is { } to && !to.ContainsKey(now[^1]))
            {
                to[now[^1]] = value;
            }
        }
    }

    private static JsonObject? GroupOf(JsonObject options, string[] path, bool create)
    {
        if (path.Length == 1)
        {
            return options;
        }

        if (create && !options.ContainsKey(path[0]))
        {
            options[path[0]] = new JsonObject();
        }

        return options[path[0]] as JsonObject;
    }
}
