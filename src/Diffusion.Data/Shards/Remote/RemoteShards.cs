using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;

namespace Diffusion.Data;

/// <summary>
/// Shards on http servers, with their indexes next to them. The server is asked once for the version of each shard; an index, a local copy
/// or the result of an earlier scan is used only if it belongs to that version.
/// </summary>
internal sealed class RemoteShards(ShardOptions options, ShardUnpacker unpacker) : IDisposable
{
    private const long MaxIndex = 1 << 30;

    private readonly ConcurrentDictionary<string, RemoteProbe> probes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> currentIndexes = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> warnings = [];
    private readonly RemoteFileCache cache = new(options.Fetching with
    {
        Folder = Path.Combine(options.CacheFolder, "remote"),
        CacheBytes = options.RemoteCacheLimit,
        Client = options.HttpClient,
        Headers = options.Headers,
    });

    /// <summary>Copies that were used although the server could not be reached.</summary>
    public IReadOnlyList<string> Warnings => [.. warnings];

    /// <summary>Whether a name is an address instead of a path.</summary>
    public static bool IsRemote(string name) =>
        name.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || name.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    /// <summary>The header of a shard's index.</summary>
    public ShardIndex IndexOf(string name, CancellationToken cancellationToken)
    {
        RemoteProbe probe = ProbeOf(name, cancellationToken);
        if (!HasCopy(name, probe)
            && (Found(name, probe.Version.Stamp, probe.Version.Length) ?? Beside(name, probe, cancellationToken)) is { } index)
        {
            return index;
        }

        using IShardBytes bytes = OpenBytes(name, probe, null, isForReading: false, cancellationToken);
        return Found(name, bytes.Stamp, bytes.Length) ?? Scan(name, bytes, cancellationToken).Index;
    }

    /// <summary>Opens a shard: its bytes and its samples.</summary>
    public (IShardBytes Bytes, ShardContents Contents) Open(string name, bool isForReading, CancellationToken cancellationToken)
    {
        RemoteProbe probe = ProbeOf(name, cancellationToken);
        ShardContents? samples = HasCopy(name, probe) ? null
            : SamplesFound(name, probe.Version.Stamp, probe.Version.Length) ?? SamplesBeside(name, probe, cancellationToken);
        IShardBytes bytes = OpenBytes(name, probe, samples, isForReading, cancellationToken);
        try
        {
            samples ??= SamplesFound(name, bytes.Stamp, bytes.Length);
            return (bytes, samples ?? Scan(name, bytes, cancellationToken).Contents);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    public void Dispose() => cache.Dispose();

    private static bool IsPacked(string name) =>
        RemoteAddress.Of(name).AbsolutePath is { } path
            && (path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".tgz", StringComparison.OrdinalIgnoreCase));

    private static Uri IndexAddress(string name)
    {
        UriBuilder address = new(RemoteAddress.Of(name));
        address.Path += ShardIndex.Extension;
        return address.Uri;
    }

    private RemoteProbe ProbeOf(string name, CancellationToken cancellationToken)
    {
        if (probes.TryGetValue(name, out RemoteProbe? known))
        {
            return known;
        }

        Uri address = RemoteAddress.Of(name);
        RemoteProbe probe;
        try
        {
            probe = cache.Probe(address, IsPacked(name), cancellationToken);
        }
        catch (RemoteException problem) when (!problem.IsRefusal && cache.VersionOfCopy(address) is { } copy)
        {
            probe = new RemoteProbe(copy, SupportsRanges: false);
            string warning = $"using the local copy, because the server could not be reached to check for changes: {problem.Message}";
            warnings.Enqueue($"{RemoteFile.NameOf(address)}: {warning}");
            ShardLog.UsedWithoutServer(options.Logger ?? NullLogger.Instance, RemoteFile.NameOf(address), problem.Message);
        }

        return probes.GetOrAdd(name, probe);
    }

    private bool HasCopy(string name, RemoteProbe probe) =>
        cache.VersionOfCopy(RemoteAddress.Of(name)) is { } copy && copy.Matches(probe.Version);

    private IShardBytes OpenBytes(string name, RemoteProbe probe, ShardContents? used, bool isForReading,
        CancellationToken cancellationToken)
    {
        Uri address = RemoteAddress.Of(name);
        FetchRequest request = new(options.RemoteCacheLimit)
        {
            Version = probe.Version,
            FindProblem = (path, contentType) => RemoteContent.FindProblemIn(path, contentType, IsPacked(name)),
        };
        if (!IsPacked(name) && probe.Version.Length is not null)
        {
            return cache.Open(address, probe, request, isForReading, stream => Verify(name, probe, stream, used), cancellationToken);
        }

        if (IsPacked(name) && probe.Version.Stamp is not 0 and long known && File.Exists(UnpackedPath(address, known)))
        {
            return OpenUnpacked(UnpackedPath(address, known), known);
        }

        CachedFile copy = cache.Fetch(address, request, cancellationToken);
        probes[name] = probe with { Version = copy.Version };
        if (!IsPacked(name))
        {
            return new LocalBytes(copy.Path, copy.Stamp, copy);
        }

        using (copy)
        {
            return OpenUnpacked(unpacker.Unpack(copy.Path, RemoteAddress.Shown(name), UnpackedPath(address, copy.Stamp), cancellationToken),
                copy.Stamp);
        }
    }

    private LocalBytes OpenUnpacked(string path, long stamp)
    {
        LocalBytes bytes = new(path, stamp, null);
        File.SetLastWriteTimeUtc(path, options.Fetching.Time.GetUtcNow().UtcDateTime);
        cache.MakeRoom();
        return bytes;
    }

    private string UnpackedPath(Uri address, long stamp) =>
        string.Create(CultureInfo.InvariantCulture, $"{cache.PathOf(address)}-{stamp:x}.tar");

    // The result of an earlier scan of this version.
    private ShardIndex? Found(string name, long stamp, long? length) =>
        stamp != 0 && ShardIndex.TryOpen(IndexPath(name)) is { } index && index.Stamp == stamp
            && (IsPacked(name) || index.ShardLength == length) ? index : null;

    private ShardContents? SamplesFound(string name, long stamp, long? length)
    {
        try
        {
            return Found(name, stamp, length) is null ? null : ShardIndex.TryRead(File.ReadAllBytes(IndexPath(name)));
        }
        catch (IOException)
        {
            return null; // it was deleted in the meantime
        }
    }

    private ShardIndex? Beside(string name, RemoteProbe probe, CancellationToken cancellationToken)
    {
        using CachedFile? file = TryFetchIndex(name, cancellationToken);
        return file is not null && ShardIndex.TryRead(File.ReadAllBytes(file.Path)) is not null
            && ShardIndex.TryOpen(file.Path) is { } index && index.ShardLength == probe.Version.Length
            ? index
            : null;
    }

    private ShardContents? SamplesBeside(string name, RemoteProbe probe, CancellationToken cancellationToken)
    {
        using CachedFile? file = TryFetchIndex(name, cancellationToken);
        return file is not null && ShardIndex.TryOpen(file.Path)?.ShardLength == probe.Version.Length
            ? ShardIndex.TryRead(File.ReadAllBytes(file.Path))
            : null;
    }

    // Its copy may be of an earlier version, so the server is asked once.
    private CachedFile? TryFetchIndex(string name, CancellationToken cancellationToken)
    {
        if (IsPacked(name))
        {
            return null;
        }

        try
        {
            CachedFile file = cache.Fetch(IndexAddress(name), new FetchRequest(MaxIndex)
            {
                Revalidate = !currentIndexes.ContainsKey(name),
                FindProblem = (path, _) => ShardIndex.TryOpen(path) is null ? "the server sent something other than an index." : null,
            }, cancellationToken);
            currentIndexes[name] = true;
            return file;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private (ShardIndex Index, ShardContents Contents) Scan(string name, IShardBytes bytes, CancellationToken cancellationToken)
    {
        try
        {
            using Stream stream = bytes.OpenStream(cancellationToken);
            ShardContents samples = ShardScanner.Scan(stream, RemoteAddress.Shown(name), cancellationToken);
            return (ShardIndex.Write(IndexPath(name), bytes.Length, bytes.Stamp, samples), samples);
        }
        catch (ImageDataException)
        {
            // It may be repaired on the server, so nothing of it is kept.
            bytes.Dispose();
            cache.Drop(RemoteAddress.Of(name));
            if (IsPacked(name) && bytes is LocalBytes unpacked)
            {
                File.Delete(unpacked.Path);
            }

            throw;
        }
    }

    // When every byte has arrived: an index that was used before must agree with the shard.
    private void Verify(string name, RemoteProbe probe, Stream stream, ShardContents? used)
    {
        ShardContents samples = ShardScanner.Scan(stream, RemoteAddress.Shown(name), CancellationToken.None);
        ShardIndex.Write(IndexPath(name), stream.Length, probe.Version.Stamp, samples);
        if (used is not null && !used.Samples.SequenceEqual(samples.Samples, SampleComparer.Instance))
        {
            throw new ImageDataException(
                RemoteAddress.Shown(name),
                "its index on the server belongs to another version of the shard, so labels may have been wrong. "
                + "Upload the right index or delete it, and open the shards again.");
        }
    }

    private string IndexPath(string name) => cache.PathOf(RemoteAddress.Of(name)) + ShardIndex.Extension;

    private sealed class SampleComparer : IEqualityComparer<ShardEntry>
    {
        public static readonly SampleComparer Instance = new();

        public bool Equals(ShardEntry? x, ShardEntry? y) => x!.Key == y!.Key && x.Label == y.Label && x.Members.SequenceEqual(y.Members);

        public int GetHashCode(ShardEntry obj) => obj.Key.GetHashCode(StringComparison.Ordinal);
    }
}
