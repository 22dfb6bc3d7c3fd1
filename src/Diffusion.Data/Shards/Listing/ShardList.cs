using System.Text.RegularExpressions;

namespace Diffusion.Data;

/// <summary>Expands a pattern to the names of shards.</summary>
internal static partial class ShardList
{
    /// <summary>
    /// Expands a pattern: <c>a::b</c> joins lists, a folder stands for its .tar, .tar.gz and .tgz files sorted by name, and braces expand
    /// as in a shell.
    /// </summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="split">The split to use; see <see cref="ShardOptions.Split"/>.</param>
    /// <param name="skipped">Receives what is skipped in folders.</param>
    /// <returns>Full paths and addresses.</returns>
    /// <exception cref="ImageDataException">
    /// The pattern is malformed, matches no shards or too many, or local shards are missing.
    /// </exception>
    public static IReadOnlyList<string> Expand(string pattern, string? split = null, SkippedImageList? skipped = null)
    {
        skipped ??= new SkippedImageList();
        List<string> shards = [];
        List<string> named = [];
        string[] parts = [.. Separator().Split(pattern).Where(part => !string.IsNullOrWhiteSpace(part))];
        pattern = RemoteAddress.Shown(pattern);
        foreach (string part in parts)
        {
            foreach (string name in ShardBraces.Expand(part.Trim(), pattern))
            {
                if (Directory.Exists(name))
                {
                    shards.AddRange(FilesOf(name, split, skipped));
                }
                else
                {
                    named.Add(Resolved(name, pattern));
                    shards.Add(named[^1]);
                }

                if (shards.Count > ShardBraces.MaxShards)
                {
                    throw new ImageDataException(
                        pattern, $"it matches more than {ShardBraces.MaxShards} shards. Pack more samples into each.");
                }
            }
        }

        if (shards.Count == 0)
        {
            throw new ImageDataException(
                pattern, "it matches no shards. Use a folder with .tar, .tar.gz or .tgz files, or a pattern like "
                    + "shards/train-{000000..000127}.tar."
                + SkippedFilesText(skipped));
        }

        CheckThere(pattern, shards);

        // Shards that are named one by one are used whatever their split, unless a split was chosen.
        HashSet<string> others = split is null
            ? []
            : [.. named.Except(ShardSplits.Choose(pattern, named, split, skipped), StringComparer.Ordinal)];
        return [.. shards.Where(shard => !others.Contains(shard))];
    }

    private static IReadOnlyList<string> FilesOf(string folder, string? split, SkippedImageList skipped)
    {
        try
        {
            return new ShardFolderFiles(Path.GetFullPath(folder), split, skipped).Find();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new ImageDataException(folder, $"the folder cannot be read: {problem.Message}", problem);
        }
    }

    private static void CheckThere(string pattern, List<string> shards)
    {
        string[] missing = [.. shards.Where(shard => !RemoteShards.IsRemote(shard) && !File.Exists(shard))];
        if (missing.Length > 0)
        {
            throw new ImageDataException(
                pattern, $"{missing.Length} of {shards.Count} shards do not exist: {ShardPicker.FirstOf(missing)}");
        }
    }

    // Resolved now, because the working folder may change before the shard is opened.
    private static string Resolved(string name, string pattern)
    {
        if (RemoteShards.IsRemote(name))
        {
            return name;
        }

        return Scheme().Match(name) is { Success: true, Value: string scheme } && !File.Exists(name)
            ? throw new ImageDataException(
                pattern, $"{scheme} is not a supported scheme: "
                + "use paths, or http:// or https:// addresses (for a bucket, a signed address).")
            : Path.GetFullPath(name);
    }

    private static string SkippedFilesText(SkippedImageList skipped) =>
        skipped.ToReport(0) is { SkippedCount: > 0 } report
            ? $" Found: {string.Join("; ", report.Skipped.Select(part => part.ToString()))}."
            : string.Empty;

    // Not the two colons within [::1], an IPv6 address.
    [GeneratedRegex(@"::(?![^\[\]]*\])", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Separator();

    [GeneratedRegex("^([A-Za-z][A-Za-z0-9+.-]+://|pipe:)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Scheme();
}
