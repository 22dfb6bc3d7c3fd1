using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// The folder for indexes and unpacked shards. It is created when something is first written to it, and several processes may share it.
/// </summary>
/// <param name="folder">The full path of the folder.</param>
/// <param name="time">Measures the age of files.</param>
internal sealed class ShardCache(string folder, TimeProvider time)
{
    private static readonly TimeSpan Abandoned = TimeSpan.FromDays(1);

    private int swept;

    /// <summary>The current time.</summary>
    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>The full path of the folder.</summary>
    public string Folder { get; } = folder;

    /// <summary>The path of a cache file that belongs to a given file.</summary>
    /// <param name="file">The full path of that file.</param>
    /// <param name="extension">The extension of the cache file.</param>
    public string PathFor(string file, string extension) =>
        Path.Combine(Folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file))) + extension);

    /// <summary>Creates the folder if it is missing.</summary>
    /// <exception cref="IOException">The folder cannot be created; the message names the option.</exception>
    public void Require()
    {
        try
        {
            Directory.CreateDirectory(Folder);
            Sweep();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw Unusable(problem);
        }
    }

    /// <summary>Writes a file atomically.</summary>
    /// <exception cref="IOException">The folder cannot be used; the message names the option.</exception>
    public void Write(string path, Action<FileStream> write)
    {
        Require();
        try
        {
            AtomicFile.Write(path, length: 0, write);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw Unusable(problem);
        }
    }

    /// <summary>Writes a small file; false on failure.</summary>
    public bool TryWrite(string path, byte[] bytes)
    {
        try
        {
            Write(path, file => file.Write(bytes));
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Deletes a file if possible.</summary>
    public static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // The file does no harm.
        }
    }

    /// <summary>Deletes the unfinished files of a folder that killed processes have left behind.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="now">The current time.</param>
    public static void DeleteAbandoned(string folder, DateTimeOffset now)
    {
        foreach (string file in Directory.GetFiles(folder, "*" + AtomicFile.TemporaryExtension))
        {
            if (now.UtcDateTime - File.GetLastWriteTimeUtc(file) > Abandoned)
            {
                TryDelete(file);
            }
        }
    }

    private void Sweep()
    {
        if (Interlocked.Exchange(ref swept, 1) == 0)
        {
            DeleteAbandoned(Folder, Now);
        }
    }

    private IOException Unusable(Exception problem) => new(
        $"ShardOptions.CacheFolder ({Folder}) cannot be used: {problem.Message.TrimEnd('.')}. "
        + "Remote shards and gzip shards need it. Set it to a writable folder with enough space.", problem);
}
