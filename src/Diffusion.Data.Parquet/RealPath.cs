namespace Diffusion.Data.Parquet;

/// <summary>Resolves links in paths.</summary>
internal static class RealPath
{
    /// <summary>Resolves the links in all parts of a path; .NET resolves only the last part.</summary>
    /// <param name="path">A full path.</param>
    public static string Of(string path)
    {
        string trimmed = Path.TrimEndingDirectorySeparator(path);
        if (Path.GetDirectoryName(trimmed) is not { } parent)
        {
            return trimmed;
        }

        FileInfo place = new(Path.Combine(Of(parent), Path.GetFileName(trimmed)));
        return place.LinkTarget is not null && place.ResolveLinkTarget(returnFinalTarget: true) is { } target
            ? Of(target.FullName)
            : place.FullName;
    }

    /// <summary>Whether a path is inside a folder after all links are resolved.</summary>
    /// <param name="path">A full path.</param>
    /// <param name="folder">A full path.</param>
    public static bool IsInside(string path, string folder)
    {
        string relative = Path.GetRelativePath(Of(folder), Of(path));
        return relative != ".." && !relative.StartsWith($"..{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
            && !Path.IsPathRooted(relative);
    }
}
