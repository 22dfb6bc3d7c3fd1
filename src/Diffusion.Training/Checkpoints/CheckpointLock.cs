using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>
/// The right to change a folder of checkpoints, which one process has at a time. The system takes it back when that process ends, however
/// it ends.
/// </summary>
internal sealed class CheckpointLock : IDisposable
{
    private const string LockFile = ".lock";
    private const string OwnerFile = ".lock-owner";

    // What the system says of a file that somebody else holds: Linux, macOS, Windows.
    private static readonly int[] Held = [11, 35, unchecked((int)0x80070020)];

    private readonly FileStream file;

    private CheckpointLock(FileStream file) => this.file = file;

    /// <summary>Takes the right.</summary>
    /// <exception cref="CheckpointException">Another process, or another trainer of this one, has it.</exception>
    /// <exception cref="IOException">The folder cannot be written to.</exception>
    public static CheckpointLock Take(string folder)
    {
        FileStream taken;
        try
        {
            taken = new FileStream(Path.Combine(folder, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None,
                bufferSize: 1);
        }
        catch (IOException problem) when (Held.Contains(problem.HResult))
        {
            throw new CheckpointException(
                $"The checkpoints in '{folder}' belong to another trainer, {OwnerOf(folder)}. Wait for its end, or choose another folder.",
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

    /// <summary>Gives the right back.</summary>
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
            return "which has not said who it is";
        }
    }
}
