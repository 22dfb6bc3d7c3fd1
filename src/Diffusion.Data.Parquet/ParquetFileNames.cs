using System.Text.RegularExpressions;

namespace Diffusion.Data.Parquet;

/// <summary>Which files a path stands for: a file itself, the Parquet files of a folder, or those that a pattern matches.</summary>
internal static partial class ParquetFileNames
{
    private const string All = "*.parquet";

    /// <summary>The full paths, in the order of the names.</summary>
    public static string[] Find(string path)
    {
        if (Directory.Exists(path))
        {
            string[] files = List(path, All, path);
            string[] splits = [.. files.Select(SplitOf).OfType<string>().Distinct(StringComparer.Ordinal)];
            return splits.Length < 2
                ? files
                : throw new ImageDataException(
                    path, $"the folder mixes {splits.Length} splits: {string.Join(", ", splits)}. "
                    + $"Name one, as in {Path.Combine(path, $"{splits[^1]}-{All}")}.");
        }

        string name = Path.GetFileName(path);
        if (!name.Contains('*', StringComparison.Ordinal) && !name.Contains('?', StringComparison.Ordinal))
        {
            return [Path.GetFullPath(path)];
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return Directory.Exists(folder) ? List(folder, name, path) : throw new ImageDataException(path, "the folder does not exist.");
    }

    private static string[] List(string folder, string pattern, string path)
    {
        string[] files;
        try
        {
            files = Directory.GetFiles(Path.GetFullPath(folder), pattern);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new ImageDataException(path, $"the folder cannot be read: {problem.Message}", problem);
        }

        Array.Sort(files, StringComparer.Ordinal);
        return files.Length > 0 ? files : throw new ImageDataException(path, $"no file there matches {pattern}.");
    }

    // Hugging Face names its files train-00000-of-00002.parquet, or with a hash behind. Null for other names.
    private static string? SplitOf(string file) =>
        Shard().Match(Path.GetFileName(file)) is { Success: true } match ? match.Groups["split"].Value : null;

    [GeneratedRegex(@"^(?<split>.+)-\d+-of-\d+", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Shard();
}
