namespace Diffusion.Data.Parquet;

/// <summary>Paths without links.</summary>
internal static class RealPath
{
    /// <summary>The same place by a path in which no part is a link; .NET resolves only the last.</summary>
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

    /// <summary>Whether a place is inside a folder, once links are resolved.</summary>
    /// <param name="path">A full path.</param>
    /// <param name="folder">A full path.</param>
    public static bool IsInside(string path, string folder)
    {
        string relative = Path.GetRelativePath(Of(folder), Of(path));
        return relative != ".." && !relative.StartsWith($"..{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
            && !Path.IsPathRooted(relative);
    }
}
