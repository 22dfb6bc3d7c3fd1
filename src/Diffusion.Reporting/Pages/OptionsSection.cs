using System.Text.Json;

namespace Diffusion.Reporting;

/// <summary>The options of a run.</summary>
internal static class OptionsSection
{
    /// <summary>Makes the section; empty if the options are not known.</summary>
    public static Html Of(RunRecord run) => run.Facts is not { } facts
        ? default
        : Html.Of($"""
            <section><details><summary>Options</summary><table>
            {Html.Join(Rows(string.Empty, facts.Options).Select(row => Html.Of($"<tr><th>{row.Name}</th><td>{row.Value}</td></tr>\n")))}
            </table></details></section>

            """);

    private static IEnumerable<(string Name, string Value)> Rows(string prefix, JsonElement options)
    {
        foreach (JsonProperty option in options.EnumerateObject())
        {
            string name = prefix + option.Name;
            if (option.Value.ValueKind == JsonValueKind.Object)
            {
                foreach ((string Name, string Value) inner in Rows($"{name}.", option.Value))
                {
                    yield return inner;
                }
            }
            else if (option.Value.ValueKind != JsonValueKind.Null)
            {
                yield return (name, option.Value.ToString());
            }
        }
    }
}
