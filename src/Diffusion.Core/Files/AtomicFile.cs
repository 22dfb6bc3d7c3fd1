namespace Diffusion;

/// <summary>
/// Writes a file whole or not at all, also across a power failure: under a temporary name in the same folder, synced, renamed over what is
/// there, and the folder synced.
/// </summary>
internal static class AtomicFile
{
    /// <summary>What the names of unfinished files end in. A killed process may leave one; they begin with a dot.</summary>
    public const string TemporaryExtension = ".tmp";

    /// <summary>Writes bytes.</summary>
    /// <param name="path">The file. Its folder exists; an older file is replaced, also one that is a link.</param>
    /// <param name="bytes">The content.</param>
    /// <exception cref="IOException">The file cannot be written; what was there is unchanged.</exception>
    /// <exception cref="UnauthorizedAccessException">The same, for lack of rights.</exception>
    public static void Write(string path, byte[] bytes) => Write(path, bytes.Length, file => file.Write(bytes));

    /// <summary>Writes what a call writes.</summary>
    /// <param name="path">As above.</param>
    /// <param name="length">The bytes to reserve, so that a full disk is found at once; 0 if the length is not known.</param>
    /// <param name="write">Writes the content. If it throws, what was there is unchanged, and the exception passes through.</param>
    /// <exception cref="IOException">As above.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void Write(string path, long length, Action<FileStream> write)
    {
        string target = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(target)!;
        string temporary = Path.Combine(folder, $".{Guid.NewGuid():N}{TemporaryExtension}");
        try
        {
            using (FileStream file = new(temporary, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Share = FileShare.None,
                BufferSize = 0,
                PreallocationSize = length,
            }))
            {
                write(file);
                DiskSync.File(file.SafeFileHandle, temporary);
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }

        DiskSync.Folder(folder);
    }

    // The failure before this one is the one to be told.
    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return;
        }
    }
}
