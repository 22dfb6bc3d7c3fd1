using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>
/// The disks of this machine. Files are synced through libc, because .NET 10 returns normally from a flush that failed: its native part
/// gives 1, and its managed part asks for less than 0.
/// </summary>
internal sealed partial class LocalDisk : IDisk
{
    private const int NotSupportedThere = 22; // EINVAL: the file system has no sync for folders
    private const int Interrupted = 4; // EINTR
    private const int ReadOnlyMode = 0;

    public void CreateFolder(string path) => Directory.CreateDirectory(path);

    public IDiskFile CreateFile(string path, long length) => new LocalFile(path, length);

    public void SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // NTFS keeps names in its journal.
        }

        int descriptor = OpenFolder(path, ReadOnlyMode);
        if (descriptor < 0)
        {
            throw Failure("opened to be synced", path);
        }

        using SafeFileHandle folder = new(descriptor, ownsHandle: true);
        if (!TrySync(folder) && Marshal.GetLastPInvokeError() != NotSupportedThere)
        {
            throw Failure("synced", path);
        }
    }

    public void RenameFolder(string from, string to) => Directory.Move(from, to);

    public void DeleteFile(string path) => File.Delete(path);

    public void DeleteFolder(string path) => Directory.Delete(path);

    /// <summary>Writes bytes at a place in a file.</summary>
    /// <exception cref="IOException">They could not be written, all of them.</exception>
    public static void Write(SafeFileHandle handle, ReadOnlySpan<byte> bytes, long position, string path)
    {
        try
        {
            RandomAccess.Write(handle, bytes, position);
        }
        catch (ArgumentOutOfRangeException problem)
        {
            // So .NET says EFBIG: the file system, or a limit of the user, allows no file of this length.
            throw new IOException($"{path} would be longer than is allowed.", problem);
        }
    }

    private static bool TrySync(SafeFileHandle handle)
    {
        while (Sync(handle) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Interrupted)
            {
                return false;
            }
        }

        return true;
    }

    private static IOException Failure(string what, string path)
    {
        Win32Exception cause = new(Marshal.GetLastPInvokeError());
        return new IOException($"{path} could not be {what}: {cause.Message}.", cause);
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(SafeFileHandle handle);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFolder(string path, int mode);

    private sealed class LocalFile(string path, long length) : IDiskFile
    {
        private readonly SafeFileHandle handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, preallocationSize: length);
        private long position;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            LocalDisk.Write(handle, bytes, position, path);
            position += bytes.Length;
        }

        public void Sync()
        {
            if (OperatingSystem.IsWindows())
            {
#pragma warning disable RS0030 // It hides failures on Linux only.
                RandomAccess.FlushToDisk(handle);
#pragma warning restore RS0030
            }
            else if (!TrySync(handle))
            {
                throw Failure("synced", path);
            }
        }

        public void Dispose() => handle.Dispose();
    }
}
