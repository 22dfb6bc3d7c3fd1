namespace Diffusion.Data;

/// <summary>
/// The folder with the local copies of remote files. Each copy is named after a hash of its address. Beside the file itself lie
/// <c>.info</c> (where the copy comes from), <c>.lock</c> (held by whoever fetches or deletes it), <c>.part</c> (the file while it is being
/// fetched) and the files derived from the copy. The least recently used copies are deleted when the folder is full. Thread-safe.
/// </summary>
internal sealed class CopyFolder
{
    /// <summary>The extension of a file that is being fetched.</summary>
    public const string PartExtension = ".part";

    private const string LockExtension = ".lock";

    // Files derived from a copy: the index of a scan, and the unpacked content of a gzip file.
    private static readonly string[] DerivedExtensions = [ShardIndex.Extension, ".tar"];
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    private readonly RemoteFileOptions options;

    /// <summary>Creates the folder if it is missing.</summary>
    public CopyFolder(RemoteFileOptions options)
    {
        this.options = options;
        Directory.CreateDirectory(options.Folder);
    }

    /// <summary>Where the copy of a file is stored; files derived from the copy use the same name with another extension.</summary>
    public string PathOf(Uri address) => Path.Combine(options.Folder, RemoteAddress.KeyOf(address));

    /// <summary>The version of a complete copy; null when there is none.</summary>
    public static RemoteVersion? VersionOf(string path)
    {
        try
        {
            return CachedCopy.TryRead(path) is { } info && LengthOf(path) == info.Length && File.Exists(path) ? info.Version : null;
        }
        catch (IOException)
        {
            return null; // Another process deletes it at this moment.
        }
    }

    /// <summary>Waits for the lock of a copy.</summary>
    public async Task<FileStream> Lock(string path, CancellationToken cancellation)
    {
        while (true)
        {
            if (TryLock(path) is { } fileLock)
            {
                return fileLock;
            }

            await Wait(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the lock of a copy; null when it is held. The system releases it when the process ends, however it ends.</summary>
    public static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path + LockExtension, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
        }
        catch (IOException) when (File.Exists(path + LockExtension))
        {
            return null;
        }
    }

    /// <summary>Waits before the next attempt to take a lock.</summary>
    public Task Wait(CancellationToken cancellation) => Task.Delay(PollInterval, options.Time, cancellation);

    /// <summary>Opens a copy whose lock is held; null when there is none, or when the file is not the one that was stored.</summary>
    public static CachedFile? TryOpen(string path, Uri address)
    {
        if (!File.Exists(path) || CachedCopy.TryRead(path) is not { } info)
        {
            return null;
        }

        FileStream hold = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
        if (!info.IsOf(path))
        {
            hold.Dispose();
            return null;
        }

        info = info with { Written = File.GetLastWriteTimeUtc(path).Ticks };
        info.Write(path, RemoteFile.NameOf(address));
        return new CachedFile(path, hold, info);
    }

    /// <summary>Turns a completely fetched file into a copy.</summary>
    public static async Task Commit(string path, RemoteVersion version, Uri address, CancellationToken cancellation)
    {
        CachedCopy info = await CachedCopy.Of(path + PartExtension, version, cancellation).ConfigureAwait(false);
        info.Write(path, RemoteFile.NameOf(address));
        File.Move(path + PartExtension, path, overwrite: true);
    }

    /// <summary>Records that a copy was used now.</summary>
    public void MarkUsed(string path) =>
        File.SetLastWriteTimeUtc(path + CachedCopy.Extension, options.Time.GetUtcNow().UtcDateTime);

    /// <summary>Deletes copies until the folder is within its limit, least recently used first; files in use are kept.</summary>
    /// <returns>Whether the folder is within its limit now.</returns>
    public bool TryMakeRoom()
    {
        DirectoryInfo folder = new(options.Folder);
        foreach (FileInfo part in folder.GetFiles("*" + PartExtension))
        {
            DeleteAbandoned(part.FullName);
        }

        ShardCache.DeleteAbandoned(options.Folder, options.Time.GetUtcNow());
        FileInfo[] files = [.. folder.GetFiles().OrderBy(file => file.LastWriteTimeUtc)];
        long total = files.Where(file => file.Extension != CachedCopy.Extension).Sum(file => LengthOf(file.FullName));
        foreach (FileInfo file in files.TakeWhile(_ => total > options.CacheBytes))
        {
            total -= file.Extension == CachedCopy.Extension ? Delete(Path.ChangeExtension(file.FullName, null))
                : DerivedExtensions.Contains(file.Extension) ? DeleteUnused(file.FullName)
                : 0;
        }

        return total <= options.CacheBytes;
    }

    /// <summary>Deletes a copy, unless somebody holds, fetches or deletes it.</summary>
    /// <returns>The number of bytes freed.</returns>
    public static long Delete(string path)
    {
        using FileStream? fileLock = TryLock(path);
        return fileLock is null ? 0 : DeleteLocked(path);
    }

    /// <summary>Deletes a copy whose lock is held, unless it is in use.</summary>
    /// <returns>The number of bytes freed.</returns>
    public static long DeleteLocked(string path)
    {
        if (!File.Exists(path))
        {
            File.Delete(path + CachedCopy.Extension);
            return 0;
        }

        long freed = DeleteUnused(path);
        if (!File.Exists(path))
        {
            File.Delete(path + CachedCopy.Extension);
        }

        return freed;
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    // A process that ended in the middle of a fetch leaves a part without a lock.
    private static void DeleteAbandoned(string part)
    {
        using FileStream? fileLock = TryLock(Path.ChangeExtension(part, null));
        if (fileLock is not null)
        {
            File.Delete(part);
        }
    }

    private static long DeleteUnused(string path)
    {
        try
        {
            using FileStream last = new(
                path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
            return last.Length;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
