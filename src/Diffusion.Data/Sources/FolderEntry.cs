using System.IO.Enumeration;

namespace Diffusion.Data;

/// <summary>A file, folder or link in a folder.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsFolder">Whether it is a folder, or a link to one.</param>
/// <param name="IsLink">Whether it may be a symbolic link or a junction.</param>
/// <param name="IsHidden">Whether it has the hidden or system attribute (Windows), or its name begins with a dot.</param>
/// <param name="Bytes">The size of a file, in bytes.</param>
internal readonly record struct FolderEntry(string Name, bool IsFolder, bool IsLink, bool IsHidden, long Bytes)
{
    // Nothing is skipped and errors are thrown: the caller decides.
    private static readonly EnumerationOptions All = new() { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false };

    /// <summary>The entries of a folder, sorted by name, ordinally.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">Access to the folder is denied.</exception>
    public static FolderEntry[] List(string folder)
    {
        FolderEntry[] entries = [.. new FileSystemEnumerable<FolderEntry>(folder, Of, All)];
        Array.Sort(entries, (one, other) => string.CompareOrdinal(one.Name, other.Name));
        return entries;
    }

    private static FolderEntry Of(ref FileSystemEntry entry)
    {
        FileAttributes attributes = entry.Attributes;
        return new FolderEntry(
            entry.FileName.ToString(),
            entry.IsDirectory,
            attributes.HasFlag(FileAttributes.ReparsePoint),
            (attributes & (FileAttributes.Hidden | FileAttributes.System)) != FileAttributes.None,
            entry.Length);
    }
}
