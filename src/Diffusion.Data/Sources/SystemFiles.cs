namespace Diffusion.Data;

/// <summary>
/// The files and folders that systems, network drives and file managers put beside a user's own: recycle bins, thumbnails, snapshots,
/// indexes. No source reads them.
/// </summary>
internal static class SystemFiles
{
    /// <summary>The reason in a report for what <see cref="IsIgnored"/> left out.</summary>
    public const string Reason = "hidden files, and files and folders that the system makes";

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

    /// <summary>
    /// Whether a file or folder of this name is passed over: because it is hidden (a leading dot), or because the system makes it.
    /// </summary>
    /// <param name="name">One part of a path, without separators. Upper and lower case are the same.</param>
    /// <returns>True for <c>.git</c>, <c>._photo.png</c>, <c>@eaDir</c>, <c>$RECYCLE.BIN</c>, <c>__MACOSX</c> and the like.</returns>
    public static bool IsIgnored(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.StartsWith('.') || Names.Contains(name);
    }
}
