using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>
/// Appends bytes to a file all together or not at all, so that a full disk leaves no part of them for others to stumble over.
/// </summary>
internal static class AtomicAppend
{
    /// <summary>Writes bytes behind what is whole; what is there behind it, the rest of a write that failed, goes.</summary>
    /// <param name="file">The file, open for writing.</param>
    /// <param name="bytes">They.</param>
    /// <param name="end">Where the whole part of the file ends.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="IOException">
    /// They cannot be written; the file is as it was, or at worst holds a part of them behind its end.
    /// </exception>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long end, string path)
    {
        if (RandomAccess.GetLength(file) > end)
        {
            RandomAccess.SetLength(file, end);
        }

        try
        {
            LocalDisk.Write(file, bytes, end, path);
        }
        catch
        {
            TryCut(file, end);
            throw;
        }
    }

    private static void TryCut(SafeFileHandle file, long end)
    {
        try
        {
            RandomAccess.SetLength(file, end);
        }
        catch (IOException)
        {
            return; // The next write cuts it.
        }
    }
}
