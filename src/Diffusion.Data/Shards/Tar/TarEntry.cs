namespace Diffusion.Data;

/// <summary>The kind of a tar entry.</summary>
internal enum TarKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>Another name of a file in the archive.</summary>
    HardLink,

    /// <summary>A symbolic link.</summary>
    SymbolicLink,

    /// <summary>A device or a pipe.</summary>
    Device,
}

/// <summary>One entry of a tar archive.</summary>
/// <param name="Name">The path as written, at most 4 KiB.</param>
/// <param name="HeaderOffset">The offset of its first header, which may be an extended header.</param>
/// <param name="Offset">The offset of its first byte.</param>
/// <param name="Size">The size, in bytes.</param>
/// <param name="Kind">The kind of the entry.</param>
/// <param name="Target">The target of a link, as written; otherwise empty.</param>
internal readonly record struct TarEntry(string Name, long HeaderOffset, long Offset, long Size, TarKind Kind, string Target);
