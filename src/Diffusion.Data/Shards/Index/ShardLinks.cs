namespace Diffusion.Data;

/// <summary>Resolves the links of one archive.</summary>
internal sealed class ShardLinks
{
    private const int MaxChain = 40; // the limit of the Linux kernel

    private readonly Dictionary<string, (long Offset, long Size)> files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string?> links = new(StringComparer.Ordinal);
    private readonly HashSet<string> folders = new(StringComparer.Ordinal);

    /// <summary>Records an entry of any kind.</summary>
    public void Add(TarEntry entry)
    {
        if (Normal(entry.Name) is not { } path)
        {
            return;
        }

        switch (entry.Kind)
        {
            case TarKind.File:
                files[path] = (entry.Offset, entry.Size);
                break;
            case TarKind.Folder:
                folders.Add(path);
                break;
            case TarKind.HardLink:
                links[path] = Normal(entry.Target);
                break;
            case TarKind.SymbolicLink:
                int folder = path.LastIndexOf('/');
                links[path] = Normal(entry.Target.StartsWith('/') || folder < 0 ? entry.Target : $"{path[..folder]}/{entry.Target}");
                break;
        }
    }

    /// <summary>
    /// The position of the file that a link points to, directly or through other links; null when it is not in the archive.
    /// </summary>
    public (long Offset, long Size)? FileOf(string link) =>
        End(link) is { } path && files.TryGetValue(path, out (long, long) file) ? file : null;

    /// <summary>Whether a link points to a folder of the archive.</summary>
    public bool IsFolder(string link) =>
        End(link) is { } path && (folders.Contains(path) || files.Keys.Any(file => file.StartsWith(path + "/", StringComparison.Ordinal)));

    private string? End(string link)
    {
        string? path = Normal(link);
        for (int step = 0; path is not null && links.TryGetValue(path, out string? next); step++)
        {
            path = step < MaxChain ? next : null;
        }

        return path;
    }

    // Without ".", ".." and repeated separators, relative to the archive's root, which tar also uses for absolute paths. Null for a path
    // that leaves the archive.
    private static string? Normal(string path)
    {
        if (!path.StartsWith('/') && !path.StartsWith('.') && !path.EndsWith('/') && !path.Contains("/.", StringComparison.Ordinal)
            && !path.Contains("//", StringComparison.Ordinal))
        {
            return path;
        }

        List<string> parts = [];
        foreach (string part in path.Split('/'))
        {
            if (part == ".." && parts.Count == 0)
            {
                return null;
            }

            if (part == "..")
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part.Length > 0 && part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }
}
