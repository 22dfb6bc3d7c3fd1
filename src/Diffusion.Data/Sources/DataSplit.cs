namespace Diffusion.Data;

/// <summary>
/// The splits of a dataset: <c>train</c>, <c>validation</c>, <c>test</c>. Sources recognize them by the names of folders and files, and
/// only if all of their siblings are splits too: <c>train</c> next to <c>bus</c> is a class.
/// </summary>
internal static class DataSplit
{
    /// <summary>The value of a source's split option that mixes all splits.</summary>
    public const string All = "all";

    private static readonly char[] Separators = [.. "-._ 0123456789"];

    // The names that Hugging Face's datasets library recognizes (datasets.data_files).
    private static readonly Dictionary<string, string> Names = new(StringComparer.OrdinalIgnoreCase)
    {
        ["train"] = "train",
        ["training"] = "train",
        ["validation"] = "validation",
        ["valid"] = "validation",
        ["val"] = "validation",
        ["dev"] = "validation",
        ["test"] = "test",
        ["testing"] = "test",
        ["eval"] = "test",
        ["evaluation"] = "test",
    };

    /// <summary>The recognized names, in any case.</summary>
    public static IReadOnlyCollection<string> RecognizedNames => Names.Keys;

    /// <summary>Whether a name is the name of a split.</summary>
    /// <param name="name">The name of a folder, or a part of a file name.</param>
    /// <returns>True for <c>train</c>, <c>Test</c>, <c>val</c> and the like.</returns>
    public static bool IsName(string name) => Names.ContainsKey(name);

    /// <summary>Whether two names mean the same split, such as <c>val</c> and <c>validation</c>.</summary>
    /// <param name="first">A name, which need not be a recognized one.</param>
    /// <param name="second">Another name.</param>
    /// <returns>True also for equal names, ignoring case.</returns>
    public static bool AreSame(string first, string second) =>
        string.Equals(first, second, StringComparison.OrdinalIgnoreCase) || (Of(first) is { } one && one == Of(second));

    /// <summary>
    /// The split in a longer name: <c>train_images</c>, <c>train2017</c> and <c>seg-train</c> all contain <c>train</c>; null when there is
    /// none, or several. Such names count only next to names of another split: <c>express-train</c> may be a class.
    /// </summary>
    /// <param name="name">The name of a folder.</param>
    internal static string? Of(string name)
    {
        string[] splits =
        [
            .. name.Split(Separators, StringSplitOptions.RemoveEmptyEntries).Select(word => Names.GetValueOrDefault(word)).OfType<string>()
                .Distinct(StringComparer.Ordinal),
        ];
        return splits.Length == 1 ? splits[0] : null;
    }

    /// <summary>Selects among the splits of a source.</summary>
    /// <param name="source">The source as errors show it.</param>
    /// <param name="found">The distinct names of the existing splits; at least one.</param>
    /// <param name="wanted">The value of the source's split option: null, a name, or <see cref="All"/>.</param>
    /// <param name="option">The option as errors show it: <c>ShardOptions.Split</c>.</param>
    /// <returns>The selected names, in the order of <paramref name="found"/>.</returns>
    /// <exception cref="ImageDataException">There are several splits and none was chosen, or the chosen split is missing.</exception>
    public static IReadOnlyList<string> Choose(string source, IReadOnlyList<string> found, string? wanted, string option)
    {
        if (string.Equals(wanted, All, StringComparison.OrdinalIgnoreCase)
            || (wanted is null && found.All(name => AreSame(name, found[0]))))
        {
            return found;
        }

        string names = string.Join(", ", found);
        if (wanted is null)
        {
            throw new ImageDataException(
                source, $"it contains {found.Count} splits: {names}. Choose one with {option}, or set it to \"{All}\" to mix them.");
        }

        string[] chosen = [.. found.Where(name => AreSame(name, wanted))];
        return chosen.Length > 0
            ? chosen
            : throw new ImageDataException(source,
                $"{option} is \"{wanted}\", but the existing splits are {names}. Choose one of them.");
    }
}
