namespace Diffusion.Data;

/// <summary>
/// The files and folders that operating systems, network drives and file managers create: recycle bins, thumbnails, snapshots, indexes. No
/// source reads them.
/// </summary>
internal static class SystemFiles
{
    /// <summary>The reason in reports for files that <see cref="IsIgnored"/> excludes.</summary>
    public const string Reason = "hidden files and system files";

    private static readonly HashSet<string> Names = new(StringComparer.OrdinalIgnoreCase)
    {
        "lost+found", // Linux file systems
        "@eaDir", "@tmp", "@SynoResource", "@sharesnap", "#recycle", "#snapshot", // Synology
        "@Recycle", "@Recently-Snapshot", "@__thumb", // QNAP
        "~snapshot", // NetApp
        "$RECYCLE.BIN", "RECYCLER", "RECYCLED", "System Volume Information", "FOUND.000", "Thumbs.db", "ehthumbs.db", "desktop.ini",
            // Windows
        "__MACOSX", "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder", "Icon\r", // macOS
    };

    /// <summary>Whether a file or folder with this name is ignored, because it is hidden (a leading dot) or a system file.</summary>
    /// <param name="name">One part of a path, without separators; case is ignored.</param>
    /// <returns>True for <c>.git</c>, <c>._photo.png</c>, <c>@eaDir</c>, <c>$RECYCLE.BIN</c>, <c>__MACOSX</c> and the like.</returns>
    public static bool IsIgnored(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.StartsWith('.') || Names.Contains(name);
    }
}
