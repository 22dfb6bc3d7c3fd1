namespace Diffusion.Data;

/// <summary>
/// Splits file names as WebDataset does: the key is the path up to the first dot of the file name, the extension is everything after that
/// dot.
/// </summary>
internal static class ShardKey
{
    /// <summary>The reason for files without a dot in their names.</summary>
    public const string NoExtension = "files without an extension, which belong to no sample";

    /// <summary>The reason for files and folders that WebDataset reserves.</summary>
    public const string Reserved = "files under names like __this__, which belong to no sample";

    /// <summary>Splits a path; false for files that belong to no sample.</summary>
    /// <param name="path">The path in the archive.</param>
    /// <param name="key">The key, which all files of a sample share.</param>
    /// <param name="extension">The extension, in lower case and without the dot.</param>
    public static bool TrySplit(string path, out string key, out string extension) => TrySplit(path, out key, out extension, out _);

    /// <summary>Splits a path; false, with the reason, for files that belong to no sample.</summary>
    public static bool TrySplit(string path, out string key, out string extension, out string? reason)
    {
        int start = path.LastIndexOf('/') + 1;
        int dot = path.IndexOf('.', start);
        reason = ReasonOf(path) ?? (dot <= start ? NoExtension : null);
        key = reason is null ? path[..dot] : string.Empty;
        extension = reason is null ? path[(dot + 1)..].ToLowerInvariant() : string.Empty;
        return reason is null;
    }

    private static string? ReasonOf(string path)
    {
        foreach (string part in path.Split('/'))
        {
            if (part is not ("." or "..") && SystemFiles.IsIgnored(part))
            {
                return SystemFiles.Reason;
            }

            if (part.Length >= 4 && part.StartsWith("__", StringComparison.Ordinal) && part.EndsWith("__", StringComparison.Ordinal))
            {
                return Reserved;
            }
        }

        return null;
    }
}
