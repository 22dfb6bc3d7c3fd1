namespace Diffusion.Tool.Terminal;

/// <summary>Finds the name that a user probably meant.</summary>
internal static class NearestName
{
    /// <summary>The question that ends a message, with a leading space; empty if no name is near.</summary>
    public static string Question(string name, IEnumerable<string> valid) =>
        Of(name, valid) is { } nearest ? $" Did you mean {nearest}?" : string.Empty;

    /// <summary>The valid name with the smallest edit distance; null if more than half of the letters differ.</summary>
    public static string? Of(string name, IEnumerable<string> valid)
    {
        (string Name, int Distance)[] ranked =
            [.. valid.Select(other => (other, Distance(name.ToUpperInvariant(), other.ToUpperInvariant()))).OrderBy(pair => pair.Item2)];
        return ranked is [var first, ..] && first.Distance <= Math.Max(name.Length, first.Name.Length) / 2 ? first.Name : null;
    }

    // The edit distance with transpositions of adjacent letters (optimal string alignment).
    private static int Distance(string from, string to)
    {
        int[,] edits = new int[from.Length + 1, to.Length + 1];
        for (int i = 0; i <= from.Length; i++)
        {
            for (int j = 0; j <= to.Length; j++)
            {
                edits[i, j] = i == 0 ? j
                    : j == 0 ? i
                    : Math.Min(Math.Min(edits[i - 1, j], edits[i, j - 1]) + 1, edits[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
                }
            }
        }

        return edits[from.Length, to.Length];
    }
}
