using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Data;

/// <summary>
/// The folder in which indexes and unpacked shards are kept. It is made when something is written into it, and several processes may share
/// it.
/// </summary>
/// <param name="folder">Its full path.</param>
/// <param name="time">What ages are measured by.</param>
internal sealed class ShardCache(string folder, TimeProvider time)
{
    private static readonly TimeSpan Abandoned = TimeSpan.FromDays(1);

    private int swept;

    /// <summary>The time.</summary>
    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Its full path.</summary>
    public string Folder { get; } = folder;

    /// <summary>Where that is kept which belongs to a file.</summary>
    /// <param name="file">The file's full path.</param>
    /// <param name="extension">What the name ends in.</param>
    public string PathFor(string file, string extension) =>
        Path.Combine(Folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file))) + extension);

    /// <summary>Makes sure that the folder is there.</summary>
    /// <exception cref="IOException">It cannot be made; the message names the option.</exception>
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

    /// <summary>Writes a file, whole or not at all.</summary>
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

    /// <summary>Writes a small file; false where that cannot be done.</summary>
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

    /// <summary>Deletes a file, where that can be done.</summary>
    public static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // It is in the way of nothing.
        }
    }

    // What processes that were killed have left.
    private void Sweep()
    {
        if (Interlocked.Exchange(ref swept, 1) == 1)
        {
            return;
        }

        foreach (string file in Directory.GetFiles(Folder, "*" + AtomicFile.TemporaryExtension))
        {
            if (Now.UtcDateTime - File.GetLastWriteTimeUtc(file) > Abandoned)
            {
                TryDelete(file);
            }
        }
    }

    private IOException Unusable(Exception problem) => new(
        $"ShardOptions.CacheFolder ({Folder}) cannot be used: {problem.Message.TrimEnd('.')}. "
        + "Shards that are gzip files, or on servers, need it: "
        + "set it to a folder that can be written and has room.", problem);
}
