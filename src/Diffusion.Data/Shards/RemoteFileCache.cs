using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>Which file is wanted.</summary>
/// <param name="Max">The most bytes that it may have.</param>
internal sealed record RemoteWish(long Max)
{
    /// <summary>The version that a copy must have to be used; null for any.</summary>
    public RemoteVersion? Version { get; init; }

    /// <summary>Whether the server is asked if a copy is still right.</summary>
    public bool Revalidate { get; init; }

    /// <summary>What is wrong with a file that came, from its path and Content-Type; null when nothing is.</summary>
    public Func<string, string?, string?> Mistake { get; init; } = (_, _) => null;
}

/// <summary>
/// Local copies of files of servers, in a folder that several threads and processes may share. Each copy has a name made of its
/// address: the file itself, <c>.info</c> with what it came from, <c>.lock</c> for whoever fetches or deletes it, and <c>.part</c>
/// while it is fetched; what is made of a copy is kept beside it. What was used longest ago goes first when the folder is full.
/// </summary>
internal sealed class RemoteFileCache : IDisposable
{
    private const string Part = ".part";

    // What is made of a copy: the index of a scan, and what a gzip file unpacks to.
    private static readonly string[] Made = [ShardIndex.Extension, ".tar"];
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly RemoteFileOptions options;
    private readonly RemoteClient client;
    private readonly RemoteQueue queue;
    private readonly Lock gate = new();
    private readonly Dictionary<string, OpenStream> streams = [];

    public RemoteFileCache(RemoteFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        this.options = options with { Folder = Path.GetFullPath(options.Folder) };
        client = new RemoteClient(options.Client, options.Headers);
        queue = new RemoteQueue(options.Connections);
        Directory.CreateDirectory(this.options.Folder);
    }

    /// <summary>What the server says of a shard now.</summary>
    /// <exception cref="RemoteException">The server refuses, sends something else than a shard, or cannot be reached.</exception>
    public RemoteProbe Probe(Uri address, bool isPacked, CancellationToken cancellation)
    {
        RemoteAddress.Check(address);

        // With a copy to fall back on nobody waits for minutes.
        int attempts = VersionOfCopy(address) is null ? options.Attempts : Math.Min(options.Attempts, 2);
        return Task.Run(() => RemoteProbe.Ask(address, client, options with { Attempts = attempts }, isPacked, cancellation), cancellation)
            .GetAwaiter().GetResult();
    }

    /// <summary>The version of the complete copy of a file; null when there is none.</summary>
    public RemoteVersion? VersionOfCopy(Uri address)
    {
        string path = PathOf(address);
        return CachedCopy.TryRead(path) is { } note && File.Exists(path) && new FileInfo(path).Length == note.Length ? note.Version : null;
    }

    /// <summary>
    /// The complete local copy of a file, fetched if it is not there. Safe from several threads; one fetches, the others wait.
    /// </summary>
    /// <param name="address">http or https.</param>
    /// <param name="wish">What it must be.</param>
    /// <param name="cancellation">Ends the fetch or the wait.</param>
    /// <returns>The copy; it belongs to the caller, who disposes it after use.</returns>
    /// <exception cref="ArgumentException">The address is no full http or https address.</exception>
    /// <exception cref="IOException">The file cannot be fetched, or the folder cannot be written.</exception>
    public CachedFile Fetch(Uri address, RemoteWish wish, CancellationToken cancellation)
    {
        RemoteAddress.Check(address);
        return Task.Run(() => FetchInTurn(address, wish, cancellation), cancellation).GetAwaiter().GetResult();
    }

    /// <summary>The bytes of a file, from its copy, or read while they are fetched.</summary>
    /// <param name="address">http or https.</param>
    /// <param name="probe">What the server said of it, with its length.</param>
    /// <param name="wish">What it must be.</param>
    /// <param name="isForReading">Whether all of it is fetched; false for a look at some of it.</param>
    /// <param name="verify">Looks at all of it once it is there, and throws where it must not be kept.</param>
    /// <param name="cancellation">Ends the wait for whoever fetches it.</param>
    /// <returns>The bytes; they belong to the caller.</returns>
    public IShardBytes Open(Uri address, RemoteProbe probe, RemoteWish wish, bool isForReading, Action<Stream> verify,
        CancellationToken cancellation)
    {
        RemoteAddress.Check(address);
        return Task.Run(() => OpenInTurn(address, probe, wish, isForReading, verify, cancellation), cancellation).GetAwaiter().GetResult();
    }

    /// <summary>Deletes a copy that was found to be wrong, unless somebody reads it.</summary>
    public void Drop(Uri address) => Delete(PathOf(address));

    /// <summary>Ends what is being fetched and closes the connections. Copies stay, and those that are held stay held.</summary>
    public void Dispose()
    {
        OpenStream[] open;
        lock (gate)
        {
            open = [.. streams.Values];
            streams.Clear();
        }

        Array.ForEach(open, stream => stream.Close());
        client.Dispose();
    }

    private async Task<CachedFile> FetchInTurn(Uri address, RemoteWish wish, CancellationToken cancellation)
    {
        string path = PathOf(address);
        await using FileStream turn = await WaitForTurn(path, cancellation);
        CachedFile? copy = OpenCopy(path, address);
        if (copy is not null && wish.Version is { } version && !copy.Version.Matches(version))
        {
            copy.Dispose();
            copy = null;
        }

        if ((copy is null || wish.Revalidate) && await Download(address, path, wish, copy?.Version, cancellation))
        {
            copy?.Dispose();
            copy = OpenCopy(path, address) ?? throw new IOException(
                $"{RemoteFile.NameOf(address)}: its copy {path} went as soon as it was there. Let nothing else change this folder.");
            MakeRoom();
        }

        File.SetLastWriteTimeUtc(path + CachedCopy.Extension, options.Time.GetUtcNow().UtcDateTime);
        return copy!;
    }

    // False when the copy is still right.
    private async Task<bool> Download(Uri address, string path, RemoteWish wish, RemoteVersion? known, CancellationToken cancellation)
    {
        RemoteFile file = new(address, client, options, known, wish.Version);
        try
        {
            await using (FileStream stream = new(path + Part, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                await file.Fetch(stream, wish.Max, cancellation);
            }

            if (file.IsUnchanged)
            {
                File.Delete(path + Part);
                return false;
            }

            if (wish.Mistake(path + Part, file.ContentType) is { } mistake)
            {
                throw new RemoteException($"{RemoteFile.NameOf(address)}: {mistake}", null, isRefusal: true);
            }

            await Keep(path, file.Version, address, cancellation);
            return true;
        }
        catch
        {
            File.Delete(path + Part);
            throw;
        }
    }

    private async Task<IShardBytes> OpenInTurn(
        Uri address, RemoteProbe probe, RemoteWish wish, bool isForReading, Action<Stream> verify, CancellationToken cancellation)
    {
        string path = PathOf(address);
        while (true)
        {
            if (Attach(path, probe, isForReading) is { } bytes)
            {
                return bytes;
            }

            if (TryLock(path) is { } turn)
            {
                return await Begin(path, turn, address, probe, wish, isForReading, verify);
            }

            await Task.Delay(Poll, options.Time, cancellation);
        }
    }

    private async Task<IShardBytes> Begin(
        string path, FileStream turn, Uri address, RemoteProbe probe, RemoteWish wish, bool isForReading, Action<Stream> verify)
    {
        try
        {
            if (OpenCopy(path, address) is { } copy)
            {
                if (copy.Version.Matches(probe.Version))
                {
                    File.SetLastWriteTimeUtc(path + CachedCopy.Extension, options.Time.GetUtcNow().UtcDateTime);
                    await turn.DisposeAsync();
                    return new LocalBytes(copy.Path, copy.Stamp, copy);
                }

                copy.Dispose();
                DeleteCopy(path);
            }

            long length = probe.Version.Length!.Value;
            if (length > wish.Max)
            {
                throw new RemoteException(
                    $"{RemoteFile.NameOf(address)}: it has {length} bytes, more than the {wish.Max} bytes that it may have here. "
                    + "Raise ShardOptions.RemoteCacheLimit, or write smaller shards.", null, isRefusal: true);
            }

            SafeFileHandle part = File.OpenHandle(path + Part, FileMode.Create, FileAccess.ReadWrite,
                FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.SetLength(part, length);
            MakeRoom();
            StreamedFile file = new(address, probe, client, options, queue, part,
                () => VerifyAndKeep(path, probe.Version, address, verify));
            lock (gate)
            {
                streams[path] = new OpenStream(file, turn, path + Part) { Users = 1, IsForReading = isForReading };
            }

            return Bytes(path, streams[path], isForReading);
        }
        catch
        {
            await turn.DisposeAsync();
            throw;
        }
    }

    private async Task VerifyAndKeep(string path, RemoteVersion version, Uri address, Action<Stream> verify)
    {
        await using (FileStream stream = new(path + Part, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        {
            verify(stream);
        }

        await Keep(path, version, address, CancellationToken.None);
        OpenStream? unused = null;
        lock (gate)
        {
            if (streams.TryGetValue(path, out OpenStream? stream))
            {
                stream.LetGo();
                unused = stream.Users == 0 ? stream : null;
                _ = unused is not null && streams.Remove(path);
            }
        }

        if (unused is not null)
        {
            _ = Task.Run(unused.Close); // it waits until this has ended
        }
    }

    private static async Task Keep(string path, RemoteVersion version, Uri address, CancellationToken cancellation)
    {
        CachedCopy note = await CachedCopy.Of(path + Part, version, cancellation);
        note.Write(path, RemoteFile.NameOf(address));
        File.Move(path + Part, path, overwrite: true);
    }

    private StreamedBytes? Attach(string path, RemoteProbe probe, bool isForReading)
    {
        OpenStream? stream;
        bool isUsable;
        lock (gate)
        {
            if (!streams.TryGetValue(path, out stream))
            {
                return null;
            }

            isUsable = !stream.File.IsSpoilt && stream.File.Version.Matches(probe.Version);
            if (isUsable)
            {
                stream.Users++;
                stream.IsForReading |= isForReading;
            }
            else
            {
                streams.Remove(path);
            }
        }

        if (isUsable)
        {
            return Bytes(path, stream, isForReading);
        }

        stream.Close();
        return null;
    }

    private StreamedBytes Bytes(string path, OpenStream stream, bool isForReading)
    {
        if (isForReading)
        {
            stream.File.FetchAll();
        }

        return new StreamedBytes(stream.File, options.Time, () => Release(path, stream));
    }

    // What is being fetched for reading is fetched to its end, unless the room is needed.
    private void Release(string path, OpenStream stream)
    {
        lock (gate)
        {
            if (--stream.Users > 0 || streams.GetValueOrDefault(path) != stream
                || (stream.IsForReading && !stream.File.IsComplete && !stream.File.IsSpoilt))
            {
                return;
            }

            streams.Remove(path);
        }

        stream.Close();
    }

    // Locks are let go by the system when a process ends, however it ends.
    private async Task<FileStream> WaitForTurn(string path, CancellationToken cancellation)
    {
        while (true)
        {
            if (TryLock(path) is { } turn)
            {
                return turn;
            }

            await Task.Delay(Poll, options.Time, cancellation);
        }
    }

    private static FileStream? TryLock(string path)
    {
        try
        {
            return new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1);
        }
        catch (IOException) when (File.Exists(path + ".lock"))
        {
            return null;
        }
    }

    /// <summary>Where the copy of a file is kept, and, with another ending, what is made of it.</summary>
    public string PathOf(Uri address) => Path.Combine(options.Folder, RemoteAddress.KeyOf(address));

    // Under the lock of its name. What is not the copy that was noted is none.
    private static CachedFile? OpenCopy(string path, Uri address)
    {
        if (!File.Exists(path) || CachedCopy.TryRead(path) is not { } note)
        {
            return null;
        }

        FileStream hold = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
        if (!note.IsOf(path))
        {
            hold.Dispose();
            return null;
        }

        note = note with { Written = File.GetLastWriteTimeUtc(path).Ticks };
        note.Write(path, RemoteFile.NameOf(address));
        return new CachedFile(path, hold, note);
    }

    /// <summary>Deletes what was used longest ago until the folder holds no more than it may, or only what is in use.</summary>
    public void MakeRoom()
    {
        DirectoryInfo folder = new(options.Folder);
        foreach (FileInfo part in folder.GetFiles("*" + Part))
        {
            DeleteStale(part.FullName);
        }

        FileInfo[] files = [.. folder.GetFiles().OrderBy(file => file.LastWriteTimeUtc)];
        long held = files.Where(file => file.Extension != CachedCopy.Extension).Sum(file => LengthOf(file.FullName));
        foreach (FileInfo file in files.TakeWhile(_ => held > options.CacheBytes))
        {
            held -= file.Extension == CachedCopy.Extension ? Delete(Path.ChangeExtension(file.FullName, null))
                : Made.Contains(file.Extension) ? DeleteUnused(file.FullName)
                : 0;
        }

        if (held > options.CacheBytes)
        {
            CloseUnused();
        }
    }

    private void CloseUnused()
    {
        KeyValuePair<string, OpenStream>[] unused;
        lock (gate)
        {
            unused = [.. streams.Where(stream => stream.Value.Users == 0 && stream.Value.IsForReading)];
            Array.ForEach(unused, stream => streams.Remove(stream.Key));
        }

        Array.ForEach(unused, stream => stream.Value.Close());
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    // What a process that ended has left half fetched.
    private static void DeleteStale(string part)
    {
        using FileStream? turn = TryLock(Path.ChangeExtension(part, null));
        if (turn is not null)
        {
            File.Delete(part);
        }
    }

    // The bytes that came free: none where somebody holds, fetches or deletes the copy.
    private static long Delete(string path)
    {
        using FileStream? turn = TryLock(path);
        return turn is null ? 0 : DeleteCopy(path);
    }

    private static long DeleteCopy(string path)
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

    private static long DeleteUnused(string path)
    {
        try
        {
            using FileStream last = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 1,
                FileOptions.DeleteOnClose);
            return last.Length;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private sealed class OpenStream(StreamedFile file, FileStream turn, string part)
    {
        private bool isLetGo;

        public StreamedFile File { get; } = file;

        public int Users { get; set; }

        public bool IsForReading { get; set; }

        /// <summary>The file is a copy now, which others may open.</summary>
        public void LetGo()
        {
            isLetGo = true;
            turn.Dispose();
        }

        public void Close()
        {
            File.Dispose();
            if (!isLetGo)
            {
                System.IO.File.Delete(part);
                turn.Dispose();
            }
        }
    }
}
