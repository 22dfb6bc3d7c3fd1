using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>
/// The files of one cache that are read while they are being fetched. Each is fetched once, however many readers it has. Thread-safe.
/// </summary>
internal sealed class StreamedFiles(RemoteFileOptions options, RemoteClient client, CopyFolder copies) : IDisposable
{
    private readonly RemoteQueue queue = new(options.Connections);
    private readonly Lock gate = new();
    private readonly Dictionary<string, Entry> entries = [];
    private bool isDisposed;

    /// <summary>The bytes of a file, from its copy, or read while they are being fetched. See <see cref="RemoteFileCache.Open"/>.</summary>
    public async Task<IShardBytes> Open(
        Uri address, RemoteProbe probe, FetchRequest request, bool isForReading, Action<Stream> verify, CancellationToken cancellation)
    {
        string path = copies.PathOf(address);
        while (true)
        {
            if (Attach(path, probe, isForReading) is { } bytes)
            {
                return bytes;
            }

            if (CopyFolder.TryLock(path) is { } fileLock)
            {
                return await Start(path, fileLock, address, probe, request, isForReading, verify).ConfigureAwait(false);
            }

            await copies.Wait(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Deletes copies until the folder is within its limit; if that is not enough, ends fetches that nobody reads.</summary>
    public void MakeRoom()
    {
        if (!copies.TryMakeRoom())
        {
            CloseUnused();
        }
    }

    /// <summary>Deletes an invalid copy and ends its fetch, unless it is in use.</summary>
    public void Drop(Uri address)
    {
        string path = copies.PathOf(address);
        Entry? unused;
        lock (gate)
        {
            unused = entries.TryGetValue(path, out Entry? entry) && entry.Users == 0 ? entry : null;
            _ = unused is not null && entries.Remove(path);
        }

        unused?.Close();
        CopyFolder.Delete(path);
    }

    /// <summary>Cancels the fetches that are running.</summary>
    public void Dispose()
    {
        Entry[] open;
        lock (gate)
        {
            isDisposed = true;
            open = [.. entries.Values];
            entries.Clear();
        }

        Array.ForEach(open, entry => entry.Close());
    }

    private async Task<IShardBytes> Start(
        string path, FileStream fileLock, Uri address, RemoteProbe probe, FetchRequest request, bool isForReading, Action<Stream> verify)
    {
        try
        {
            if (CopyFolder.TryOpen(path, address) is { } copy)
            {
                if (copy.Version.Matches(probe.Version))
                {
                    copies.MarkUsed(path);
                    await fileLock.DisposeAsync().ConfigureAwait(false);
                    return new LocalBytes(copy.Path, copy.Stamp, copy);
                }

                copy.Dispose();
                CopyFolder.DeleteLocked(path);
            }

            long length = probe.Version.Length!.Value;
            if (length > request.MaxBytes)
            {
                throw new RemoteException(
                    $"{RemoteFile.NameOf(address)}: it has {length} bytes, more than the limit of {request.MaxBytes} bytes. "
                    + "Raise ShardOptions.RemoteCacheLimit, or write smaller shards.", null, isRefusal: true);
            }

            string partPath = path + CopyFolder.PartExtension;
            SafeFileHandle part = File.OpenHandle(
                partPath, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            StreamedFile file = new(
                address, probe, client, options, queue, part, () => VerifyAndCommit(path, probe.Version, address, verify));
            Entry entry = new(file, fileLock, partPath) { Users = 1 };
            try
            {
                RandomAccess.SetLength(part, length);
                MakeRoom();
                lock (gate)
                {
                    ObjectDisposedException.ThrowIf(isDisposed, this);
                    entries[path] = entry;
                }
            }
            catch
            {
                entry.Close();
                throw;
            }

            return BytesOf(path, entry, isForReading);
        }
        catch
        {
            await fileLock.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task VerifyAndCommit(string path, RemoteVersion version, Uri address, Action<Stream> verify)
    {
        string part = path + CopyFolder.PartExtension;
        using (FileStream stream = new(part, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        {
            verify(stream);
        }

        await CopyFolder.Commit(path, version, address, CancellationToken.None).ConfigureAwait(false);
        Entry? unused = null;
        lock (gate)
        {
            if (entries.TryGetValue(path, out Entry? entry))
            {
                entry.ReleaseLock();
                unused = entry.Users == 0 ? entry : null;
                _ = unused is not null && entries.Remove(path);
            }
        }

        if (unused is not null)
        {
            _ = Task.Run(unused.Close); // Close waits for this method to return.
        }
    }

    private StreamedBytes? Attach(string path, RemoteProbe probe, bool isForReading)
    {
        Entry? entry;
        bool isUsable;
        lock (gate)
        {
            if (!entries.TryGetValue(path, out entry))
            {
                return null;
            }

            isUsable = !entry.File.IsInvalid && entry.File.Version.Matches(probe.Version);
            if (isUsable)
            {
                entry.Users++;
            }
            else
            {
                entries.Remove(path);
            }
        }

        if (isUsable)
        {
            return BytesOf(path, entry, isForReading);
        }

        entry.Close();
        return null;
    }

    private StreamedBytes BytesOf(string path, Entry entry, bool isForReading)
    {
        if (isForReading)
        {
            entry.File.FetchAll();
        }

        return new StreamedBytes(entry.File, options.Time, () => Release(path, entry));
    }

    // A file that is wanted whole is fetched to its end even without readers, unless the room is needed.
    private void Release(string path, Entry entry)
    {
        lock (gate)
        {
            if (--entry.Users > 0 || entries.GetValueOrDefault(path) != entry
                || (entry.File.IsFetchedWhole && !entry.File.IsComplete && !entry.File.HasFailed))
            {
                return;
            }

            entries.Remove(path);
        }

        entry.Close();
    }

    private void CloseUnused()
    {
        KeyValuePair<string, Entry>[] unused;
        lock (gate)
        {
            unused = [.. entries.Where(entry => entry.Value.Users == 0)];
            Array.ForEach(unused, entry => entries.Remove(entry.Key));
        }

        Array.ForEach(unused, entry => entry.Value.Close());
    }

    private sealed class Entry(StreamedFile file, FileStream fileLock, string part)
    {
        private bool isCommitted;

        public StreamedFile File { get; } = file;

        public int Users { get; set; }

        /// <summary>Lets others open the file, which is a complete copy now.</summary>
        public void ReleaseLock()
        {
            isCommitted = true;
            fileLock.Dispose();
        }

        public void Close()
        {
            File.Dispose();
            if (!isCommitted)
            {
                System.IO.File.Delete(part);
                fileLock.Dispose();
            }
        }
    }
}
