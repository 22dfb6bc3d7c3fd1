using System.Text.Json;
using System.Text.Json.Nodes;

namespace Diffusion.Training;

/// <summary>The names of options in checkpoints of earlier versions of this library.</summary>
internal static class EarlierOptionNames
{
    private static readonly (string[] Before, string[] Now)[] Moved =
    [
        (["loading", "largestBadShare"], ["loading", "maxBadFraction"]),
        (["health", "largestGradientNorm"], ["health", "maxGradientNorm"]),
        (["prediction"], ["objective", "prediction"]),
        (["lossSpace"], ["objective", "lossSpace"]),
    ];

    /// <summary>Replaces the old names and values of options with the current ones.</summary>
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

        ReplaceDecayOptions(options);
        if (options["gradientCheckpointing"]?.GetValueKind() is JsonValueKind.True or JsonValueKind.False)
        {
            GradientCheckpointing blocks = options["gradientCheckpointing"]!.GetValue<bool>()
                ? GradientCheckpointing.All
                : GradientCheckpointing.None;
            options["gradientCheckpointing"] = blocks.ToString();
        }
    }

    /// <summary>Replaces decays in the list of averages with laws.</summary>
    /// <param name="averages">The list, edited in place.</param>
    public static void ReplaceDecays(JsonArray averages)
    {
        foreach (JsonObject average in averages.OfType<JsonObject>())
        {
            if (!average.ContainsKey("law") && average.Remove("decay", out JsonNode? decay))
            {
                average["law"] = LawOf(decay);
            }
        }
    }

    // Earlier versions had only one law, and options for the maximum of its decay.
    private static void ReplaceDecayOptions(JsonObject options)
    {
        if (options.Remove("emaDecay", out JsonNode? first))
        {
            options.TryAdd("ema", first is null ? EmaOptions.None : LawOf(first));
        }

        foreach (string name in (string[])["moreEmaDecays", "additionalEmaDecays"])
        {
            if (options.Remove(name, out JsonNode? others))
            {
                options.TryAdd("additionalEma", others is JsonArray decays ? new JsonArray([.. decays.Select(LawOf)]) : others);
            }
        }
    }

    private static JsonNode? LawOf(JsonNode? decay) => decay?.GetValueKind() == JsonValueKind.Number
        ? JsonValue.Create(CheckpointAverage.LawOf(decay.GetValue<double>()))
        : decay?.DeepClone();

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
