namespace Diffusion.Data;

/// <summary>
/// Local copies of remote files, in a folder that several threads and processes may share. A file is either fetched whole, or read while
/// it is being fetched.
/// </summary>
internal sealed class RemoteFileCache : IDisposable
{
    private readonly RemoteFileOptions options;
    private readonly RemoteClient client;
    private readonly CopyFolder copies;
    private readonly StreamedFiles streams;

    public RemoteFileCache(RemoteFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        this.options = options with { Folder = Path.GetFullPath(options.Folder) };
        client = new RemoteClient(options.Client, options.Headers);
        copies = new CopyFolder(this.options);
        streams = new StreamedFiles(this.options, client, copies);
    }

    /// <summary>Asks the server which version of a shard it has.</summary>
    /// <exception cref="RemoteException">
    /// The server refuses the request, sends something other than a shard, or cannot be reached.
    /// </exception>
    public RemoteProbe Probe(Uri address, bool isPacked, CancellationToken cancellation)
    {
        RemoteAddress.Check(address);

        // With a copy to fall back on, two attempts are enough.
        int attempts = VersionOfCopy(address) is null ? options.Attempts : Math.Min(options.Attempts, 2);
        return Task.Run(() => RemoteProbe.Ask(address, client, options with { Attempts = attempts }, isPacked, cancellation), cancellation)
            .GetAwaiter().GetResult();
    }

    /// <summary>The version of the complete local copy of a file; null when there is none.</summary>
    public RemoteVersion? VersionOfCopy(Uri address) => CopyFolder.VersionOf(PathOf(address));

    /// <summary>Where the copy of a file is stored; files derived from the copy use the same name with another extension.</summary>
    public string PathOf(Uri address) => copies.PathOf(address);

    /// <summary>
    /// The complete local copy of a file, fetched if it is missing. Thread-safe: one thread fetches, the others wait for it.
    /// </summary>
    /// <param name="address">An http or https address.</param>
    /// <param name="request">Which version to fetch, and the checks that it must pass.</param>
    /// <param name="cancellation">Cancels the fetch or the wait.</param>
    /// <returns>The copy; the caller disposes it after use.</returns>
    /// <exception cref="ArgumentException">The address is not an absolute http or https address.</exception>
    /// <exception cref="IOException">The file cannot be fetched, or the folder cannot be written.</exception>
    public CachedFile Fetch(Uri address, FetchRequest request, CancellationToken cancellation)
    {
        RemoteAddress.Check(address);
        return Task.Run(() => FetchLocked(address, request, cancellation), cancellation).GetAwaiter().GetResult();
    }

    /// <summary>The bytes of a file, from its local copy, or read while they are being fetched.</summary>
    /// <param name="address">An http or https address.</param>
    /// <param name="probe">What the server said about the file, including its length.</param>
    /// <param name="request">Which version to fetch, and the checks that it must pass.</param>
    /// <param name="isForReading">Whether the whole file is fetched; false to look at parts of it.</param>
    /// <param name="verify">Checks the complete file, and throws when it must not be kept.</param>
    /// <param name="cancellation">Cancels the wait for another thread or process that is fetching the file.</param>
    /// <returns>The bytes; the caller disposes them.</returns>
    public IShardBytes Open(
        Uri address, RemoteProbe probe, FetchRequest request, bool isForReading, Action<Stream> verify, CancellationToken cancellation)
    {
        RemoteAddress.Check(address);
        return Task.Run(() => streams.Open(address, probe, request, isForReading, verify, cancellation), cancellation)
            .GetAwaiter().GetResult();
    }

    /// <summary>Deletes copies until the folder is within its limit, least recently used first; files in use are kept.</summary>
    public void MakeRoom() => streams.MakeRoom();

    /// <summary>Deletes an invalid copy and ends its fetch, unless it is in use.</summary>
    public void Drop(Uri address) => streams.Drop(address);

    /// <summary>Cancels the fetches that are running and closes the connections. Complete copies are kept.</summary>
    public void Dispose()
    {
        streams.Dispose();
        client.Dispose();
    }

    private async Task<CachedFile> FetchLocked(Uri address, FetchRequest request, CancellationToken cancellation)
    {
        string path = PathOf(address);
        using FileStream fileLock = await copies.Lock(path, cancellation).ConfigureAwait(false);
        CachedFile? copy = CopyFolder.TryOpen(path, address);
        if (copy is not null && request.Version is { } version && !copy.Version.Matches(version))
        {
            copy.Dispose();
            copy = null;
        }

        try
        {
            if ((copy is null || request.Revalidate)
                && await Download(address, path, request, copy?.Version, cancellation).ConfigureAwait(false))
            {
                copy?.Dispose();
                copy = CopyFolder.TryOpen(path, address) ?? throw new IOException(
                    $"{RemoteFile.NameOf(address)}: its local copy {path} was deleted or changed right after the download. "
                    + "Make sure that no other program writes to this folder.");
                MakeRoom();
            }

            copies.MarkUsed(path);
            return copy!;
        }
        catch
        {
            copy?.Dispose();
            throw;
        }
    }

    // False when the copy is still current.
    private async Task<bool> Download(
        Uri address, string path, FetchRequest request, RemoteVersion? known, CancellationToken cancellation)
    {
        RemoteFile file = new(address, client, options, known, request.Version);
        string part = path + CopyFolder.PartExtension;
        try
        {
            using (FileStream stream = new(part, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                await file.Fetch(stream, request.MaxBytes, cancellation).ConfigureAwait(false);
            }

            if (file.IsUnchanged)
            {
                File.Delete(part);
                return false;
            }

            if (request.FindProblem(part, file.ContentType) is { } problem)
            {
                throw new RemoteException($"{RemoteFile.NameOf(address)}: {problem}", null, isRefusal: true);
            }

            await CopyFolder.Commit(path, file.Version, address, cancellation).ConfigureAwait(false);
            return true;
        }
        catch
        {
            File.Delete(part);
            throw;
        }
    }
}
