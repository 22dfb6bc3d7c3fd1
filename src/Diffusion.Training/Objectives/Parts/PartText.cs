using System.Globalization;
using System.Text.RegularExpressions;

namespace Diffusion.Training;

/// <summary>A part of an objective in one line: <c>name</c>, or <c>name(parameter: value, parameter: value)</c>.</summary>
/// <param name="Name">The name.</param>
/// <param name="Values">The value of each parameter that is named.</param>
internal sealed partial record PartText(string Name, IReadOnlyList<(string Parameter, double Value)> Values)
{
    /// <summary>Writes a part.</summary>
    public static string Of(string name, params (string Parameter, double Value)[] values) => values.Length == 0
        ? name
        : $"{name}({string.Join(", ", values.Select(each =>
            string.Create(CultureInfo.InvariantCulture, $"{each.Parameter}: {each.Value:R}")))})";

    /// <summary>Reads a part; null where the text has another form.</summary>
    public static PartText? Read(string text)
    {
        Match match = Form().Match(text);
        if (!match.Success)
        {
            return null;
        }

        List<(string, double)> values = [];
        foreach ((Capture parameter, Capture value) in match.Groups["parameter"].Captures.Zip(match.Groups["value"].Captures))
        {
            if (!double.TryParse(value.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
            {
                return null;
            }

            values.Add((parameter.Value, number));
        }

        return new PartText(match.Groups["name"].Value, values);
    }

    [GeneratedRegex("""^\s*(?<name>[a-z0-9-]+)\s*(\(\s*((?<parameter>[a-z0-9-]+)\s*:\s*(?<value>[^,()\s]+)\s*(,\s*|(?=\))))*\))?\s*$""")]
    private static partial Regex Form();
}
