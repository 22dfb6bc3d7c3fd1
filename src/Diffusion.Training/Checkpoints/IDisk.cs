namespace Diffusion.Training;

/// <summary>
/// What saving asks of a disk: few operations, each of which has happened when it returns, or throws an <see cref="IOException"/> or an
/// <see cref="UnauthorizedAccessException"/>. Nothing survives a power failure until its file, and the folder that names it, were synced.
/// </summary>
internal interface IDisk
{
    /// <summary>Makes a folder in one that exists.</summary>
    void CreateFolder(string path);

    /// <summary>Makes a new file, to be written from first to last byte.</summary>
    /// <param name="path">Where.</param>
    /// <param name="length">How many bytes it will have, so that a full disk is found at once; 0 where that is not known.</param>
    IDiskFile CreateFile(string path, long length);

    /// <summary>Makes the names in a folder survive a power failure.</summary>
    void SyncFolder(string path);

    /// <summary>Gives a folder, or a link to one, another name beside it, which nothing may have yet.</summary>
    void RenameFolder(string from, string to);

    /// <summary>Deletes a file, or a link of any kind and not what it points at.</summary>
    void DeleteFile(string path);

    /// <summary>Deletes an empty folder.</summary>
    void DeleteFolder(string path);
}

/// <summary>A file that is being written.</summary>
internal interface IDiskFile : IDisposable
{
    /// <summary>Appends bytes.</summary>
    void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Makes the bytes survive a power failure.</summary>
    void Sync();
}
