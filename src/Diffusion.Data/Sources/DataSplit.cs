namespace Diffusion.Data;

/// <summary>
/// The parts that a dataset is published in: <c>train</c>, <c>validation</c>, <c>test</c>. Sources recognise them by the names of folders
/// and files, and only where everything beside them is such a name too: <c>train</c> beside <c>bus</c> is a class.
/// </summary>
internal static class DataSplit
{
    /// <summary>Takes every split: the value of a source's <c>Split</c> option that asks for a mixture.</summary>
    public const string All = "all";

    private static readonly char[] Separators = [.. "-._ 0123456789"];

    // The names that Hugging Face's datasets recognises (datasets.data_files), without its patterns around them.
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

    /// <summary>The names that are recognised, in upper or lower case.</summary>
    public static IReadOnlyCollection<string> RecognizedNames => Names.Keys;

    /// <summary>Whether a name is that of a split.</summary>
    /// <param name="name">A folder's name, or the part of a file's name that says its split.</param>
    /// <returns>True for <c>train</c>, <c>Test</c>, <c>val</c> and the like.</returns>
    public static bool IsName(string name) => Names.ContainsKey(name);

    /// <summary>Whether two names mean the same split, as <c>val</c> and <c>validation</c> do.</summary>
    /// <param name="first">A name; it need not be a recognised one.</param>
    /// <param name="second">Another name.</param>
    /// <returns>True also where both are equal but for upper and lower case.</returns>
    public static bool AreSame(string first, string second) =>
        string.Equals(first, second, StringComparison.OrdinalIgnoreCase) || (Of(first) is { } one && one == Of(second));

    /// <summary>
    /// The split that a longer name stands for, as <c>train_images</c>, <c>train2017</c> and <c>seg-train</c> stand for <c>train</c>; null
    /// where it names none, or several. Such names count only beside those of another split: <c>express-train</c> may be a class.
    /// </summary>
    /// <param name="name">A folder's name.</param>
    internal static string? Of(string name)
    {
        string[] splits =
        [
            .. name.Split(Separators, StringSplitOptions.RemoveEmptyEntries).Select(word => Names.GetValueOrDefault(word)).OfType<string>()
                .Distinct(StringComparer.Ordinal),
        ];
        return splits.Length == 1 ? splits[0] : null;
    }

    /// <summary>Which of the splits that were found are taken.</summary>
    /// <param name="source">What errors call the source.</param>
    /// <param name="found">The names of the splits that are there, without repeats; at least one.</param>
    /// <param name="wanted">The source's <c>Split</c> option: null, a name, or <see cref="All"/>.</param>
    /// <param name="option">What errors call that option: <c>ShardOptions.Split</c>.</param>
    /// <returns>The names to take, in their order in <paramref name="found"/>.</returns>
    /// <exception cref="ImageDataException">Several are there and none was chosen, or the one that was chosen is not there.</exception>
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
                $"{option} is \"{wanted}\", but the splits that are there are {names}. Choose one of them.");
    }
}
