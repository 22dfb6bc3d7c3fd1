using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Training;

/// <summary>A complete local copy of a remote file. While it is held nobody deletes the copy.</summary>
/// <param name="path">The copy.</param>
/// <param name="hold">Keeps it from being deleted.</param>
/// <param name="stamp">Tells versions of the file apart; 0 where the server names none.</param>
internal sealed class CachedFile(string path, FileStream hold, long stamp) : IDisposable
{
    /// <summary>The copy.</summary>
    public string Path { get; } = path;

    /// <summary>Tells versions of the file apart; 0 where the server names none.</summary>
    public long Stamp { get; } = stamp;

    /// <summary>Lets the copy be deleted once the room is needed.</summary>
    public void Dispose() => hold.Dispose();
}

/// <summary>
/// Local copies of files that lie on servers, in a folder that several threads and processes may share. Each copy has a name made of its
/// address: the file itself, <c>.info</c> with its length and version, <c>.lock</c> for whoever fetches or deletes it, and <c>.part</c>
/// while it is fetched. The copy used longest ago goes first when the folder is full.
/// </summary>
internal sealed class RemoteFileCache : IDisposable
{
    private const int MostRedirects = 10;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly RemoteFileOptions options;
    private readonly HttpClient client;

    public RemoteFileCache(RemoteFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        this.options = options with { Folder = Path.GetFullPath(options.Folder) };
        Directory.CreateDirectory(this.options.Folder);

        // What is left of an answer that is no longer wanted is not read to its end; a name that moved to another machine is looked up again.
        SocketsHttpHandler handler = new()
        {
            MaxAutomaticRedirections = MostRedirects,
            MaxResponseDrainSize = 0,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            UseCookies = false,
        };
        client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The complete local copy of a file, fetched if it is not there. Safe from several threads; one fetches, the others wait.</summary>
    /// <param name="address">http or https.</param>
    /// <param name="largest">The most bytes that it may have.</param>
    /// <param name="cancellation">Ends the fetch or the wait.</param>
    /// <returns>The copy; it belongs to the caller, who disposes it after use.</returns>
    /// <exception cref="ArgumentException">The address is no full http or https address.</exception>
    /// <exception cref="IOException">The file cannot be fetched, or the folder cannot be written.</exception>
    public CachedFile Fetch(Uri address, long largest, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            string shown = address.IsAbsoluteUri ? RemoteFile.NameOf(address) : "a relative address";
            throw new ArgumentException($"The address is {shown}, but must begin with http:// or https://.", nameof(address));
        }

        return Task.Run(() => FetchInTurn(address, largest, cancellation), cancellation).GetAwaiter().GetResult();
    }

    /// <summary>Closes the connections. Copies stay, and those that are held stay held.</summary>
    public void Dispose() => client.Dispose();

    private async Task<CachedFile> FetchInTurn(Uri address, long largest, CancellationToken cancellation)
    {
        string path = Path.Combine(options.Folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(address.AbsoluteUri))));
        await using FileStream turn = await WaitForTurn(path, cancellation);
        CachedFile? copy = Open(path);
        if (copy is null)
        {
            await Download(address, path, largest, cancellation);
            copy = Open(path) ?? throw new IOException(
                $"{RemoteFile.NameOf(address)}: its copy {path} went as soon as it was there. Let nothing else change this folder.");
            MakeRoom();
        }

        File.SetLastWriteTimeUtc(path + ".info", options.Time.GetUtcNow().UtcDateTime);
        return copy;
    }

    private async Task Download(Uri address, string path, long largest, CancellationToken cancellation)
    {
        string part = path + ".part";
        RemoteFile file = new(address, client, options);
        try
        {
            long bytes;
            await using (FileStream stream = new(part, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                await file.Fetch(stream, largest, cancellation);
                bytes = stream.Length;
            }

            await File.WriteAllTextAsync(
                path + ".info", string.Create(CultureInfo.InvariantCulture, $"{bytes}\n{file.Version}\n{RemoteFile.NameOf(address)}\n"), cancellation);
            File.Move(part, path, overwrite: true);
        }
        catch
        {
            File.Delete(part);
            throw;
        }
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

    // Under the lock of its name. A copy of another length than was noted is none.
    private static CachedFile? Open(string path)
    {
        if (!File.Exists(path) || !File.Exists(path + ".info"))
        {
            return null;
        }

        FileStream hold = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        string[] info = File.ReadAllLines(path + ".info");
        if (info.Length > 1 && long.TryParse(info[0], CultureInfo.InvariantCulture, out long length) && length == hold.Length)
        {
            long stamp = info[1].Length == 0 ? 0 : BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(info[1])));
            return new CachedFile(path, hold, stamp);
        }

        hold.Dispose();
        return null;
    }

    private void MakeRoom()
    {
        FileInfo[] copies = [.. new DirectoryInfo(options.Folder).GetFiles("*.info").OrderBy(info => info.LastWriteTimeUtc)];
        long held = copies.Sum(info => LengthOf(Path.ChangeExtension(info.FullName, null)));
        foreach (FileInfo info in copies)
        {
            if (held <= options.CacheBytes)
            {
                return;
            }

            held -= Delete(Path.ChangeExtension(info.FullName, null));
        }
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    // The bytes that came free: none where somebody holds, fetches or deletes the copy.
    private static long Delete(string path)
    {
        using FileStream? turn = TryLock(path);
        if (turn is null || !File.Exists(path))
        {
            return 0;
        }

        try
        {
            using FileStream last = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
            File.Delete(path + ".info");
            return last.Length;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
