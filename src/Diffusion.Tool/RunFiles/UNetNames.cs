using System.Text.Json;

namespace Diffusion.Tool.RunFiles;

/// <summary>Replaces the names of diffusers' options by those of the run file.</summary>
internal static class UNetNames
{
    // The longest first: norm_num_groups is also a part of attn_norm_num_groups.
    private static readonly (string OfDiffusers, string OfRunFile)[] Names =
    [
        .. RunFileJson.Default.UNetSection.Properties
            .Select(option => (JsonNamingPolicy.SnakeCaseLower.ConvertName(option.Name), option.Name))
            .OrderByDescending(pair => pair.Item1.Length),
    ];

    /// <summary>A message with the names of the run file.</summary>
    /// <param name="message">A message about the options of a network.</param>
    public static string InRunFile(string message) =>
        Names.Aggregate(message, (text, pair) => text.Replace(pair.OfDiffusers, pair.OfRunFile, StringComparison.Ordinal));
}
