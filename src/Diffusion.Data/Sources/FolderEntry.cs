using System.IO.Enumeration;

namespace Diffusion.Data;

/// <summary>What a folder holds: one of its files, folders or links.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsFolder">Whether it is a folder, or a link to one.</param>
/// <param name="IsLink">Whether it may be a symbolic link or a junction.</param>
/// <param name="IsHidden">Whether the system hides it or keeps it for itself (Windows), or its name begins with a dot.</param>
/// <param name="Bytes">The length of a file.</param>
internal readonly record struct FolderEntry(string Name, bool IsFolder, bool IsLink, bool IsHidden, long Bytes)
{
    // Nothing is skipped and no error is passed over: whoever asks decides.
    private static readonly EnumerationOptions All = new() { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false };

    /// <summary>Everything directly within a folder, by the characters' codes of the names.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
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
