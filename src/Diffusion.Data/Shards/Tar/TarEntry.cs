namespace Diffusion.Data;

/// <summary>What an entry of a tar archive is.</summary>
internal enum TarKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A further name of a file that the archive holds.</summary>
    HardLink,

    /// <summary>A link by path.</summary>
    SymbolicLink,

    /// <summary>A device or a pipe.</summary>
    Device,
}

/// <summary>One entry of a tar archive.</summary>
/// <param name="Name">Its path, as written, at most 4 KiB.</param>
/// <param name="HeaderOffset">Where its first header begins, an extended one included.</param>
/// <param name="Offset">Where its bytes begin.</param>
/// <param name="Size">How many bytes it has.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Target">What a link points at, as written; empty for all else.</param>
internal readonly record struct TarEntry(string Name, long HeaderOffset, long Offset, long Size, TarKind Kind, string Target);
