using System.Globalization;

namespace Diffusion.Training;

/// <summary>A part of a run in one line: <c>name</c>, or <c>name(parameter: value, parameter: value)</c>.</summary>
/// <param name="Name">The name.</param>
/// <param name="Values">The value of each parameter that is named.</param>
internal sealed record PartText(string Name, IReadOnlyList<(string Parameter, double Value)> Values)
{
    /// <summary>Writes a part.</summary>
    public static string Of(string name, params (string Parameter, double Value)[] values) => values.Length == 0
        ? name
        : $"{name}({string.Join(", ", values.Select(each =>
            string.Create(CultureInfo.InvariantCulture, $"{each.Parameter}: {each.Value:R}")))})";

    /// <summary>Reads a part; null where the text has another form.</summary>
    public static PartText? Read(string text)
    {
        string whole = text.Trim();
        int open = whole.IndexOf('(', StringComparison.Ordinal);
        string name = (open < 0 ? whole : whole[..open]).TrimEnd();
        if (!IsName(name) || (open >= 0 && whole[^1] != ')'))
        {
            return null;
        }

        List<(string, double)> values = [];
        string inside = open < 0 ? string.Empty : whole[(open + 1)..^1].Trim();
        foreach (string each in inside.Length == 0 ? [] : inside.Split(','))
        {
            string[] sides = each.Split(':', StringSplitOptions.TrimEntries);
            if (sides.Length != 2 || !IsName(sides[0])
                || !double.TryParse(sides[1], NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
            {
                return null;
            }

            values.Add((sides[0], number));
        }

        return new PartText(name, values);
    }

    private static bool IsName(string text) =>
        text.Length > 0 && text.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character == '-');
}
