namespace Diffusion.Training;

/// <summary>All parts of one kind that options can name.</summary>
/// <typeparam name="T">The kind.</typeparam>
/// <param name="kind">What the kind is called in messages.</param>
/// <param name="describe">A part in one line.</param>
/// <param name="all">The parts.</param>
internal sealed class PartNames<T>(string kind, Func<T, string> describe, params PartName<T>[] all)
    where T : class
{
    /// <summary>Makes the part that a text names; null where <see cref="Problem"/> is not.</summary>
    /// <param name="text">Such as <c>min-snr</c> or <c>min-snr(gamma: 5)</c>; a parameter that is left out has its default.</param>
    public T? Find(string text) => Problem(text) is null ? Make(PartText.Read(text)!) : null;

    /// <summary>The named part with all its parameters; the text itself where it names none.</summary>
    /// <param name="text">The text.</param>
    public string Describe(string text) => Find(text) is { } part ? describe(part) : text;

    /// <summary>Why a text names no part; null where it names one.</summary>
    /// <param name="text">The text.</param>
    public string? Problem(string text)
    {
        if (PartText.Read(text) is not { } read)
        {
            return $"must be a {kind} as name or name(parameter: number). Use {Nearest(text)}, for instance. Known are {Known}";
        }

        if (Named(read) is not { } part)
        {
            return $"must name a {kind}; the nearest is {Nearest(read.Name)}. Known are {Known}";
        }

        string[] names = [.. part.Parameters.Select(parameter => parameter.Name)];
        if (read.Values.FirstOrDefault(value => !names.Contains(value.Parameter)).Parameter is { } unknown)
        {
            return $"has no parameter {unknown}: {part.Name} has {(names.Length == 0 ? "none" : string.Join(", ", names))}";
        }

        try
        {
            _ = Make(read);
            return null;
        }
        catch (ArgumentException problem)
        {
            return $"is impossible: {problem.Message}";
        }
    }

    private string Known => string.Join(", ", all.Select(part => part.Name));

    private PartName<T>? Named(PartText read) => all.FirstOrDefault(part => part.Name == read.Name);

    private T Make(PartText read)
    {
        PartName<T> part = Named(read)!;
        return part.Make([.. part.Parameters.Select(parameter =>
            read.Values.Where(value => value.Parameter == parameter.Name).Select(value => (double?)value.Value).LastOrDefault()
                ?? parameter.Default)]);
    }

    private string Nearest(string text) => all.MinBy(part => Distance(part.Name, text))!.Name;

    // The number of characters to insert, delete or replace (Levenshtein 1966).
    private static int Distance(string first, string second)
    {
        int[] row = [.. Enumerable.Range(0, second.Length + 1)];
        for (int i = 1; i <= first.Length; i++)
        {
            (int diagonal, row[0]) = (row[0], i);
            for (int j = 1; j <= second.Length; j++)
            {
                int replaced = diagonal + (first[i - 1] == second[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
