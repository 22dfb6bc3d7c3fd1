namespace Diffusion;

/// <summary>Writes a file that is there either whole or not at all, also after a power failure.</summary>
internal static class AtomicFile
{
    /// <summary>Writes a file under another name beside its place, and renames it over what is there.</summary>
    /// <param name="path">The file.</param>
    /// <param name="length">How many bytes it will have, so that a full disk is found at once.</param>
    /// <param name="write">Writes them. Where it fails, what was there still is, and nothing else.</param>
    public static void Write(string path, long length, Action<Stream> write)
    {
        string target = Path.GetFullPath(path);
        string temporary = Path.Combine(Path.GetDirectoryName(target)!, $".writing-{Guid.NewGuid():N}");
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
            DiskSync.Folder(Path.GetDirectoryName(target)!);
        }
        finally
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }
    }
}
