namespace Diffusion.Training;

/// <summary>
/// How WebDataset names the files of a sample: the key is the path up to the first dot of its last part, the extension all that follows it.
/// </summary>
internal static class ShardKey
{
    /// <summary>Splits a path; false for files that belong to no sample: hidden ones, ones without a dot, and everything under <c>__name__</c>.</summary>
    public static bool TrySplit(string path, out string key, out string extension)
    {
        int start = path.LastIndexOf('/') + 1;
        int dot = path.IndexOf('.', start);
        key = extension = string.Empty;
        if (dot <= start || path.Split('/').Any(part => part.Length >= 4 && part.StartsWith("__", StringComparison.Ordinal) && part.EndsWith("__", StringComparison.Ordinal)))
        {
            return false;
        }

        key = path[..dot];
        extension = path[(dot + 1)..].ToLowerInvariant();
        return true;
    }
}
