using System.IO.Enumeration;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Finds the files of a path: a file, the Parquet files of a folder and its subfolders, or the files that match a pattern.
/// </summary>
internal static class ParquetFileNames
{
    private static readonly string[] Extensions = [".parquet", ".parq", ".pq"];
    private static readonly string[] PackedExtensions = [".parquet.gz", ".parquet.zst", ".parquet.zip", ".parquet.bz2", ".parquet.xz"];

    /// <summary>Finds the files of a path, as full paths sorted by name.</summary>
    /// <param name="path">A file, a folder or a pattern.</param>
    /// <param name="split">The split to use; see <see cref="ParquetImageOptions.Split"/>.</param>
    /// <param name="skipped">Receives what is skipped.</param>
    public static string[] Find(string path, string? split, SkippedImageList skipped)
    {
        if (Directory.Exists(path))
        {
            string folder = Path.GetFullPath(path);
            List<string> found = [];
            Reading(path, () => Walk(folder, folder, new HashSet<string>(StringComparer.Ordinal), found, skipped));
            return Chosen(path, found.Count > 0
                ? found
                : throw new ImageDataException(path, "the folder and its subfolders contain no *.parquet files."), folder, split, skipped);
        }

        string name = Path.GetFileName(path);
        if (File.Exists(path) || !HasWildcard(path))
        {
            string file = Path.GetFullPath(path);
            return split is null ? [file] : Chosen(path, [file], Path.GetDirectoryName(file)!, split, skipped);
        }

        string parent = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(parent))
        {
            throw new ImageDataException(path, HasWildcard(parent)
                ? "only the last part of a path may contain a pattern. Open the folder instead, which is searched with its subfolders."
                : "the folder does not exist.");
        }

        List<string> matching = [];
        Reading(path, () =>
        {
            foreach (string file in Directory.EnumerateFiles(parent)
                .Where(file => FileSystemName.MatchesSimpleExpression(name, Path.GetFileName(file))))
            {
                if (!IsIgnored(file, parent, skipped))
                {
                    matching.Add(file);
                }
            }
        });
        return Chosen(path, matching.Count > 0
            ? matching
            : throw new ImageDataException(path, $"no file in the folder matches {name}."), parent, split, skipped);
    }

    /// <summary>The full paths of files that were listed one by one, in their order.</summary>
    /// <param name="files">The files.</param>
    /// <param name="split">The split to use; null for all files.</param>
    /// <param name="skipped">Receives the files of other splits.</param>
    public static string[] Named(IReadOnlyList<string> files, string? split, SkippedImageList skipped)
    {
        string[] paths = [.. files.Select(Path.GetFullPath)];
        return split is null
            ? paths
            : ParquetSplits.Choose($"{files.Count} Parquet files", [.. paths.Select(file => (file, Path.GetFileName(file)))], split,
                skipped);
    }

    private static string[] Chosen(string path, List<string> files, string root, string? split, SkippedImageList skipped)
    {
        files.Sort(StringComparer.Ordinal);
        return ParquetSplits.Choose(path, [.. files.Select(file => (file, Path.GetRelativePath(root, file).Replace('\\', '/')))], split,
            skipped);
    }

    // Links are followed, but no folder is read twice, because links can form loops.
    private static void Walk(string folder, string root, HashSet<string> seen, List<string> found, SkippedImageList skipped)
    {
        if (!seen.Add(RealPath.Of(folder)))
        {
            skipped.Add("links to folders that are already read", Path.GetRelativePath(root, folder));
            return;
        }

        foreach (string file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            if (!IsIgnored(file, root, skipped) && Extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
            {
                found.Add(file);
            }
        }

        foreach (string inner in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
        {
            if (!IsIgnored(inner, root, skipped))
            {
                Walk(inner, root, seen, found, skipped);
            }
        }
    }

    private static bool IsIgnored(string path, string root, SkippedImageList skipped)
    {
        string name = Path.GetFileName(path);
        string? reason =
            SystemFiles.IsIgnored(name) ? SystemFiles.Reason
            : name.StartsWith('_') ? "files and folders whose names begin with _, which contain metadata of the program that wrote the data"
            : PackedExtensions.Any(extension => name.EndsWith(extension,
                StringComparison.OrdinalIgnoreCase)) ? "compressed Parquet files, which are not supported: decompress them"
            : null;
        if (reason is not null)
        {
            skipped.Add(reason, Path.GetRelativePath(root, path));
        }

        return reason is not null;
    }

    private static bool HasWildcard(string path) => path.AsSpan().ContainsAny('*', '?');

    private static void Reading(string path, Action read)
    {
        try
        {
            read();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new ImageDataException(path, $"the folder cannot be read: {problem.Message}", problem);
        }
    }
}
