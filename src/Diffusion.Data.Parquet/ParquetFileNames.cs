using System.IO.Enumeration;

namespace Diffusion.Data.Parquet;

/// <summary>
/// Which files a path stands for: a file itself, the Parquet files of a folder and its sub-folders, or those that a pattern matches.
/// </summary>
internal static class ParquetFileNames
{
    private static readonly string[] Extensions = [".parquet", ".parq", ".pq"];
    private static readonly string[] PackedExtensions = [".parquet.gz", ".parquet.zst", ".parquet.zip", ".parquet.bz2", ".parquet.xz"];

    /// <summary>The full paths, in the order of the names.</summary>
    /// <param name="path">A file, a folder or a pattern.</param>
    /// <param name="split">The split that is wanted: see <see cref="ParquetImageOptions.Split"/>.</param>
    /// <param name="skipped">Takes what is passed over.</param>
    public static string[] Find(string path, string? split, SkippedImageList skipped)
    {
        if (Directory.Exists(path))
        {
            string folder = Path.GetFullPath(path);
            List<string> found = [];
            Reading(path, () => Walk(folder, folder, new HashSet<string>(StringComparer.Ordinal), found, skipped));
            return Chosen(path, found.Count > 0
                ? found
                : throw new ImageDataException(path, "no file there, or in a folder within, is named *.parquet."), folder, split, skipped);
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
                ? "a pattern may stand in the last part of a path only. Open the folder, which is searched with the folders within."
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
            : throw new ImageDataException(path, $"no file there matches {name}."), parent, split, skipped);
    }

    /// <summary>The full paths of files that were named one by one, in their order.</summary>
    /// <param name="files">They.</param>
    /// <param name="split">The split that is wanted; null for all of them.</param>
    /// <param name="skipped">Takes those of other splits.</param>
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

    // Links are followed, but no folder is read twice: links can loop.
    private static void Walk(string folder, string root, HashSet<string> seen, List<string> found, SkippedImageList skipped)
    {
        if (!seen.Add(RealPath.Of(folder)))
        {
            skipped.Add("links to folders that are read already", Path.GetRelativePath(root, folder));
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
            : name.StartsWith('_') ? "files and folders of the program that wrote the data, which begin with _"
            : PackedExtensions.Any(extension => name.EndsWith(extension,
                StringComparison.OrdinalIgnoreCase)) ? "Parquet files that are packed as a whole, which are not read: unpack them"
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
