using System.Text.RegularExpressions;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Tells which files belong to which split by their names, as Hugging Face publishes data sets: <c>data/train-00000-of-00002.parquet</c>,
/// <c>default/train/0000.parquet</c>.
/// </summary>
internal static partial class ParquetSplits
{
    private const string Option = "ParquetImageOptions.Split";

    /// <summary>The files of the wanted split.</summary>
    /// <param name="path">What errors call the set.</param>
    /// <param name="files">The full paths, and the paths below the set with / between their parts.</param>
    /// <param name="wanted">See <see cref="ParquetImageOptions.Split"/>.</param>
    /// <param name="skipped">Takes the others.</param>
    /// <exception cref="ImageDataException">
    /// Several splits, or several subsets with splits of their own, are there and none was chosen.
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
                    $"{Option} is \"{wanted}\", but the names of its files say no split. Leave the option out.");
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
                skipped.Add(split is null ? "files whose names say no split" : "files of other splits", below);
            }
        }

        return [.. taken];
    }

    // The name says it before the folders do; but part-00000-of-00002.parquet in train/ is of train.
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

    // en/train-00000-of-00001.parquet beside fr/train-00000-of-00001.parquet: two sets, of which often one is a part or a copy of the
    // other.
    private static void RefuseSubsets(string path, (string Full, string Below, string? Split, string Subset)[] files)
    {
        string[] subsets = [.. files.Select(file => file.Subset).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (subsets.Length > 1 && files.All(file => file.Split is not null))
        {
            string names = string.Join(", ", subsets.Select(subset => subset.Length == 0 ? "." : subset));
            throw new ImageDataException(
                path, $"it holds {subsets.Length} subsets with splits of their own, in the folders {names}. Open one of them, as in "
                    + $"{Path.Combine(path, subsets[^1])}, "
                + "or name the files that are wanted one by one.");
        }
    }

    [GeneratedRegex(@"^(?<split>.+)-\d+-of-\d+", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Shard();

    [GeneratedRegex("[^A-Za-z]+", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Words();
}
