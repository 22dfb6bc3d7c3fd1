using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>The file system of this machine.</summary>
internal sealed class LocalDisk : IDisk
{
    public void CreateFolder(string path) => Directory.CreateDirectory(path);

    public IDiskFile CreateFile(string path, long length) => new LocalFile(path, length);

    public void SyncFolder(string path) => DiskSync.Folder(path);

    public void RenameFolder(string from, string to) => Directory.Move(from, to);

    public void DeleteFile(string path)
    {
        if (OperatingSystem.IsWindows() && Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true); // On Windows, links to folders are folders. .NET does not follow them or mount points.
        }
        else
        {
            File.Delete(path);
        }
    }

    public void DeleteFolder(string path) => Directory.Delete(path);

    /// <summary>Writes bytes at a position in a file.</summary>
    /// <exception cref="IOException">Not all bytes could be written.</exception>
    public static void Write(SafeFileHandle handle, ReadOnlySpan<byte> bytes, long position, string path)
    {
        try
        {
            RandomAccess.Write(handle, bytes, position);
        }
        catch (ArgumentOutOfRangeException problem)
        {
            // .NET reports EFBIG this way: the file system or a user limit does not allow this file size.
            throw new IOException($"{path} would exceed the maximum file size.", problem);
        }
    }

    private sealed class LocalFile(string path, long length) : IDiskFile
    {
        private readonly SafeFileHandle handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read,
            preallocationSize: length);
        private long position;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            LocalDisk.Write(handle, bytes, position, path);
            position += bytes.Length;
        }

        public void Sync() => DiskSync.File(handle, path);

        public void Dispose() => handle.Dispose();
    }
}
