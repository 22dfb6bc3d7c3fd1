namespace Diffusion;

/// <summary>
/// Writes files atomically: after a failure, even of the power, a file has its old or its new content. The content is written and synced
/// under a temporary name in the same folder, and then renamed over the file.
/// </summary>
internal static class AtomicFile
{
    /// <summary>The extension of unfinished files, whose names begin with a dot. A killed process may leave one.</summary>
    public const string TemporaryExtension = ".tmp";

    /// <summary>Writes bytes.</summary>
    /// <param name="path">The file, in an existing folder. An existing file or link is replaced.</param>
    /// <param name="bytes">The content.</param>
    /// <exception cref="IOException">The file cannot be written; an existing file is unchanged.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write the file; an existing file is unchanged.</exception>
    public static void Write(string path, byte[] bytes) => Write(path, bytes.Length, file => file.Write(bytes));

    /// <summary>Writes bytes, and creates the folder of the file if it is missing.</summary>
    /// <param name="path">The file. An existing file or link is replaced.</param>
    /// <param name="bytes">The content.</param>
    /// <exception cref="IOException">The file cannot be written; an existing file is unchanged.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write the file; an existing file is unchanged.</exception>
    public static void WriteWithFolder(string path, byte[] bytes)
    {
        string target = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        Write(target, bytes);
    }

    /// <summary>Writes a file through a callback.</summary>
    /// <param name="path">The file, in an existing folder. An existing file or link is replaced.</param>
    /// <param name="length">The bytes to reserve, which detects a full disk at once; 0 if unknown.</param>
    /// <param name="write">Writes the content. If it throws, an existing file is unchanged.</param>
    /// <exception cref="IOException">The file cannot be written; an existing file is unchanged.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write the file; an existing file is unchanged.</exception>
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

    // A failure here must not hide the first one.
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
