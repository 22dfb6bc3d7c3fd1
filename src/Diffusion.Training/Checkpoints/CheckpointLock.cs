using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>
/// An exclusive lock on a folder of checkpoints. The operating system releases it when the process ends, even after a crash.
/// </summary>
internal sealed class CheckpointLock : IDisposable
{
    private const string LockFile = ".lock";
    private const string OwnerFile = ".lock-owner";

    // Error codes for a file that is locked by another process: Linux, macOS, Windows.
    private static readonly int[] LockedErrors = [11, 35, unchecked((int)0x80070020)];

    private readonly FileStream file;

    private CheckpointLock(FileStream file) => this.file = file;

    /// <summary>Acquires the lock.</summary>
    /// <exception cref="CheckpointException">Another process, or another trainer of this process, has the lock.</exception>
    /// <exception cref="IOException">The folder cannot be written to.</exception>
    public static CheckpointLock Take(string folder)
    {
        FileStream taken;
        try
        {
            taken = new FileStream(Path.Combine(folder, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None,
                bufferSize: 1);
        }
        catch (IOException problem) when (LockedErrors.Contains(problem.HResult))
        {
            throw new CheckpointException(
                $"The checkpoints in '{folder}' belong to another trainer ({OwnerOf(folder)}). Wait until it ends, or choose another "
                + "folder.",
                problem);
        }

        try
        {
            WriteOwner(Path.Combine(folder, OwnerFile));
            return new CheckpointLock(taken);
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    /// <summary>Releases the lock.</summary>
    public void Dispose() => file.Dispose();

    private static void WriteOwner(string path)
    {
        string owner = string.Create(
            CultureInfo.InvariantCulture,
                $"process {Environment.ProcessId} on {Environment.MachineName} since "
                    + $"{TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm:ss} UTC");
        using SafeFileHandle handle = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        LocalDisk.Write(handle, Encoding.UTF8.GetBytes(owner), 0, path);
    }

    private static string OwnerOf(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, OwnerFile));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return "owner unknown";
        }
    }
}
