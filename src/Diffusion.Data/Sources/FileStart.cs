using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>Recognizes files by their first bytes.</summary>
internal static class FileStart
{
    private const int MaxBytes = 200;

    /// <summary>Whether a file begins like a supported image. False also when it cannot be read.</summary>
    /// <param name="path">The file.</param>
    public static bool IsImage(string path) => Read(path) is [0x89, (byte)'P', (byte)'N', (byte)'G', ..]
        or [0xFF, 0xD8, 0xFF, ..]
        or [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..]
        or [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..]
        or [(byte)'B', (byte)'M', _, _, _, _, 0, 0, 0, 0, ..];

    /// <summary>Whether a file is a Git LFS pointer. False also when it cannot be read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bytes">The size of the file, in bytes.</param>
    public static bool IsGitLfsPointer(string path, long bytes) =>
        bytes is > 100 and < MaxBytes && GitLfsPointer.IsPointer(Read(path), bytes);

    private static byte[] Read(string path)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path);
            byte[] bytes = new byte[MaxBytes];
            return bytes[..RandomAccess.Read(file, bytes, 0)];
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
