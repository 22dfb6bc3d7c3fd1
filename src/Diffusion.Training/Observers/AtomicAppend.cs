using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>Appends bytes to a file completely or not at all, so that a full disk does not leave a partial record.</summary>
internal static class AtomicAppend
{
    /// <summary>Writes bytes after the valid part of the file. Anything after it, left by a failed write, is cut off first.</summary>
    /// <param name="file">The file, open for writing.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="end">The end of the valid part of the file.</param>
    /// <param name="path">The path of the file, for messages.</param>
    /// <exception cref="IOException">
    /// The bytes cannot be written. The valid part of the file is unchanged; at worst, a part of the bytes follows it.
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
