using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Diffusion;

/// <summary>
/// Makes files and names survive a power failure. Through libc, because .NET 10 on Linux returns normally from a flush that failed: its
/// native part gives 1, and its managed part asks for less than 0.
/// </summary>
internal static partial class DiskSync
{
    private const int NotSupportedThere = 22; // EINVAL: the file system has no sync for folders
    private const int Interrupted = 4; // EINTR
    private const int ReadOnlyMode = 0;

    /// <summary>Syncs the bytes of an open file.</summary>
    /// <exception cref="IOException">They may not be on the disk.</exception>
    public static void File(SafeFileHandle handle, string path)
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

    /// <summary>Syncs the names in a folder.</summary>
    /// <exception cref="IOException">They may not be on the disk.</exception>
    public static void Folder(string path)
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
}
