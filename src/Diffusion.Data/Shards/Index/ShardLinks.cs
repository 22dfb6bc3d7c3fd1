namespace Diffusion.Data;

/// <summary>The files and links of one archive by their paths: finds the file that a link names.</summary>
internal sealed class ShardLinks
{
    private const int MaxChain = 40; // as the Linux kernel follows

    private readonly Dictionary<string, (long Offset, long Size)> files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string?> links = new(StringComparer.Ordinal);
    private readonly HashSet<string> folders = new(StringComparer.Ordinal);

    /// <summary>Notes an entry, whatever it is.</summary>
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

    /// <summary>The bytes of the file that a link names, over further links; null where the archive holds no such file.</summary>
    public (long Offset, long Size)? FileOf(string link) =>
        End(link) is { } path && files.TryGetValue(path, out (long, long) file) ? file : null;

    /// <summary>Whether a link names a folder of the archive.</summary>
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

    // Without ".", ".." and doubled separators; from the archive's root, where tar too keeps absolute paths. Null for what leads out of it.
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
