namespace Diffusion.Data;

/// <summary>Resolves symbolic links and junctions, and caches the folders on the way. Not thread-safe.</summary>
internal sealed class LinkResolver
{
    // The limit of Linux before it reports a loop of links.
    private const int MaxLinks = 40;

    private static readonly char[] Separators = [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar];

    private readonly Dictionary<string, string?> targets = new(Comparer);

    /// <summary>Compares paths as file systems usually do.</summary>
    public static StringComparer Comparer { get; } = OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase;

    /// <summary>The path with all links resolved; null for a loop of links. It need not exist.</summary>
    /// <param name="path">A full path.</param>
    public string? Of(string path)
    {
        string at = Path.GetPathRoot(path)!;
        Stack<string> parts = new();
        Push(parts, path[at.Length..]);
        int links = 0;
        while (parts.TryPop(out string? part))
        {
            if (part == "..")
            {
                at = Path.GetDirectoryName(at) ?? at;
                continue;
            }

            string next = Path.Combine(at, part);
            if (TargetOf(next, remember: parts.Count > 0) is not { } target)
            {
                at = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                return null;
            }

            string root = Path.GetPathRoot(target) ?? string.Empty;
            Push(parts, target[root.Length..]);
            at = root.Length > 0 ? Path.Combine(Path.GetPathRoot(at)!, root) : at;
        }

        return at;
    }

    /// <summary>Whether a folder is the same as another one or contains it.</summary>
    /// <param name="folder">A path without links.</param>
    /// <param name="other">A path without links.</param>
    public static bool Contains(string folder, string other)
    {
        string start = Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar;
        return Comparer.Equals(folder, other) || (other.Length > start.Length && Comparer.Equals(other[..start.Length], start));
    }

    private static void Push(Stack<string> parts, string path)
    {
        foreach (string part in path.Split(Separators, StringSplitOptions.RemoveEmptyEntries).Reverse().Where(part => part != "."))
        {
            parts.Push(part);
        }
    }

    private string? TargetOf(string path, bool remember)
    {
        if (targets.TryGetValue(path, out string? target))
        {
            return target;
        }

        try
        {
            target = new FileInfo(path).LinkTarget;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            target = null; // The path will not be found either.
        }

        if (remember)
        {
            targets[path] = target;
        }

        return target;
    }
}
