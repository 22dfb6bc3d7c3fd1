using System.Text.RegularExpressions;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Recognizes splits by file names, as in datasets of Hugging Face: <c>data/train-00000-of-00002.parquet</c>,
/// <c>default/train/0000.parquet</c>.
/// </summary>
internal static partial class ParquetSplits
{
    private const string Option = "ParquetImageOptions.Split";

    /// <summary>Selects the files of a split.</summary>
    /// <param name="path">The set as errors show it.</param>
    /// <param name="files">The full paths, and the paths relative to the set, separated by /.</param>
    /// <param name="wanted">The split to use; see <see cref="ParquetImageOptions.Split"/>.</param>
    /// <param name="skipped">Receives the skipped files.</param>
    /// <exception cref="ImageDataException">
    /// There are several splits and none was chosen, or several subsets with their own splits.
    /// </exception>
    public static string[] Choose(string path, IReadOnlyList<(string Full, string Below)> files, string? wanted, SkippedImageList skipped)
    {
        (string Full, string Below, string? Split, string Subset)[] named = [.. files.Select(file => Named(file.Full, file.Below))];
        List<string> found = [];
        foreach (string split in named.Select(file => file.Split).OfType<string>())
        {
            if (!found.Exists(other => DataSplit.AreSame(other, split)))
            {
                found.Add(split);
            }
        }

        if (found.Count == 0)
        {
            return wanted is null || DataSplit.AreSame(wanted, DataSplit.All)
                ? [.. files.Select(file => file.Full)]
                : throw new ImageDataException(path,
                    $"{Option} is \"{wanted}\", but the names of its files contain no split. Omit the option.");
        }

        IReadOnlyList<string> chosen = DataSplit.Choose(path, [.. found.Order(StringComparer.Ordinal)], wanted, Option);
        RefuseSubsets(path, named);
        bool takesUnnamed = chosen.Count == found.Count && (wanted is null || DataSplit.AreSame(wanted, DataSplit.All));
        List<string> taken = [];
        foreach ((string full, string below, string? split, _) in named)
        {
            if (split is null ? takesUnnamed : chosen.Any(name => DataSplit.AreSame(name, split)))
            {
                taken.Add(full);
            }
            else
            {
                skipped.Add(split is null ? "files whose names contain no split" : "files of other splits", below);
            }
        }

        return [.. taken];
    }

    // A split in the file name takes precedence over the folders; but train/part-00000-of-00002.parquet belongs to train.
    private static (string Full, string Below, string? Split, string Subset) Named(string full, string below)
    {
        string[] parts = below.Split('/');
        string stem = Path.GetFileNameWithoutExtension(parts[^1]);
        string[] words = [.. Words().Split(stem).Where(DataSplit.IsName)];
        string? sharded = Shard().Match(stem) is { Success: true } match ? match.Groups["split"].Value : null;
        if (sharded is not null && DataSplit.IsName(sharded))
        {
            return (full, below, sharded, SubsetOf(parts[..^1]));
        }

        int folder = Array.FindLastIndex(parts[..^1], DataSplit.IsName);
        return folder >= 0 ? (full, below, parts[folder], SubsetOf(parts[..folder]))
            : words.Length == 1 && sharded is null ? (full, below, words[0], SubsetOf(parts[..^1]))
            : (full, below, sharded, SubsetOf(parts[..^1]));
    }

    private static string SubsetOf(string[] folders) => string.Join('/', folders.Where(folder => !DataSplit.IsName(folder)));

    // en/train-00000-of-00001.parquet next to fr/train-00000-of-00001.parquet: two sets, one of which is often a part or a copy of the
    // other.
    private static void RefuseSubsets(string path, (string Full, string Below, string? Split, string Subset)[] files)
    {
        string[] subsets = [.. files.Select(file => file.Subset).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (subsets.Length > 1 && files.All(file => file.Split is not null))
        {
            string names = string.Join(", ", subsets.Select(subset => subset.Length == 0 ? "." : subset));
            throw new ImageDataException(
                path, $"it contains {subsets.Length} subsets with their own splits, in the folders {names}. "
                + $"Open one of them, such as {Path.Combine(path, subsets[^1])}, or list the files to use.");
        }
    }

    [GeneratedRegex(@"^(?<split>.+)-\d+-of-\d+", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Shard();

    [GeneratedRegex("[^A-Za-z]+", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Words();
}
