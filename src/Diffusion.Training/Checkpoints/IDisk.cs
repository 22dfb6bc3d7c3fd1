namespace Diffusion.Training;

/// <summary>
/// The disk operations that saving needs. Each one has either taken effect when it returns, or throws an <see cref="IOException"/> or an
/// <see cref="UnauthorizedAccessException"/>. A file survives a power failure only after the file and the folder that contains it are
/// synced.
/// </summary>
internal interface IDisk
{
    /// <summary>Creates a folder in an existing folder.</summary>
    void CreateFolder(string path);

    /// <summary>Creates a file for sequential writing.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="length">The expected size in bytes, so that a full disk is detected at once; 0 if unknown.</param>
    IDiskFile CreateFile(string path, long length);

    /// <summary>Makes the entries of a folder survive a power failure.</summary>
    void SyncFolder(string path);

    /// <summary>Renames a folder, or a link to one, within its parent. The new name must not exist.</summary>
    void RenameFolder(string from, string to);

    /// <summary>Deletes a file, or a link of any kind without its target.</summary>
    void DeleteFile(string path);

    /// <summary>Deletes an empty folder.</summary>
    void DeleteFolder(string path);
}

/// <summary>A file that is being written.</summary>
internal interface IDiskFile : IDisposable
{
    /// <summary>Appends bytes.</summary>
    void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Makes the written bytes survive a power failure.</summary>
    void Sync();
}
