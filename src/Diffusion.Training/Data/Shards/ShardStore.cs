using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>Finds the bytes and the index of a shard, wherever it lies: as it is, unpacked, or fetched from a server.</summary>
internal sealed class ShardStore(ShardOptions options) : IDisposable
{
    private const int PieceBytes = 1 << 20;

    private readonly Lazy<RemoteShards> remote = new(() => new RemoteShards(options));
    private readonly ShardPicker picker = new(options);

    /// <summary>How many samples and classes a shard has; read through whole only where no index says so.</summary>
    public ShardIndex IndexOf(string name, CancellationToken cancellationToken)
    {
        if (KnownIndex(name, cancellationToken) is { } known)
        {
            return known;
        }

        using LocalShard shard = Locate(name, cancellationToken);
        return Scan(name, shard, cancellationToken).Index;
    }

    /// <summary>Opens a shard, and chooses its images.</summary>
    public Shard Open(string name, CancellationToken cancellationToken)
    {
        LocalShard shard = Locate(name, cancellationToken);
        SafeFileHandle? file = null;
        try
        {
            IReadOnlyList<ShardEntry> samples = KnownSamples(name, shard) ?? Scan(name, shard, cancellationToken).Samples;
            using FileStream stream = OpenStream(shard.Path);
            (IReadOnlyList<ShardPick> picks, IReadOnlyList<string> leftOut) = picker.Pick(name, samples, stream);
            file = File.OpenHandle(shard.Path);
            return new Shard(file, shard.Lease, picks, leftOut);
        }
        catch
        {
            file?.Dispose();
            shard.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (remote.IsValueCreated)
        {
            remote.Value.Dispose();
        }
    }

    private (ShardIndex Index, IReadOnlyList<ShardEntry> Samples) Scan(string name, LocalShard shard, CancellationToken cancellationToken)
    {
        try
        {
            using FileStream stream = OpenStream(shard.Path);
            IReadOnlyList<ShardEntry> samples = ShardScanner.Scan(stream, name, cancellationToken);
            return (ShardIndex.Write(CachedIndexPath(name), stream.Length, shard.Stamp, samples), samples);
        }
        catch (ImageDataException) when (IsPacked(name))
        {
            File.Delete(shard.Path); // the unpacked copy of what may be mended
            throw;
        }
    }

    private static FileStream OpenStream(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read);

    private static bool IsPacked(string name) =>
        (RemoteShards.IsRemote(name) ? new Uri(name).AbsolutePath : name).EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    // A shard that was changed is another shard.
    private static long StampOf(string name) => File.GetLastWriteTimeUtc(name).Ticks;

    private string CachedPath(string name)
    {
        string place = RemoteShards.IsRemote(name) ? name : $"{Path.GetFullPath(name)}|{new FileInfo(name).Length}|{StampOf(name)}";
        return Path.Combine(options.CacheFolder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(place))));
    }

    private string CachedIndexPath(string name) => CachedPath(name) + ShardIndex.Extension;

    // Older than the shard, it may be of what the shard was before, even where both have the same length.
    private static ShardIndex? IndexBeside(string name)
    {
        string path = name + ShardIndex.Extension;
        return ShardIndex.TryOpen(path) is { } index && index.ShardLength == new FileInfo(name).Length && File.GetLastWriteTimeUtc(path) >= File.GetLastWriteTimeUtc(name)
            ? index
            : null;
    }

    private ShardIndex? KnownIndex(string name, CancellationToken cancellationToken)
    {
        if (ShardIndex.TryOpen(CachedIndexPath(name)) is { } cached)
        {
            return cached;
        }

        if (RemoteShards.IsRemote(name))
        {
            if (IsPacked(name) || remote.Value.TryFetchIndex(name, cancellationToken) is not { } bytes || ShardIndex.TryRead(bytes) is null)
            {
                return null;
            }

            Directory.CreateDirectory(options.CacheFolder);
            string unfinished = $"{CachedIndexPath(name)}.{Path.GetRandomFileName()}.tmp";
            File.WriteAllBytes(unfinished, bytes);
            File.Move(unfinished, CachedIndexPath(name), overwrite: true);
            return ShardIndex.TryOpen(CachedIndexPath(name));
        }

        return IsPacked(name) ? null : IndexBeside(name);
    }

    // An index is believed only of the very bytes that are here: what lies on a server may have become another shard since.
    private IReadOnlyList<ShardEntry>? KnownSamples(string name, LocalShard shard)
    {
        long length = new FileInfo(shard.Path).Length;
        return Fitting(CachedIndexPath(name)) ?? (RemoteShards.IsRemote(name) || IsPacked(name) || IndexBeside(name) is null ? null : Fitting(name + ShardIndex.Extension));

        IReadOnlyList<ShardEntry>? Fitting(string path) =>
            ShardIndex.TryOpen(path) is { } index && index.ShardLength == length && (index.Stamp == shard.Stamp || index.Stamp == 0 || shard.Stamp == 0)
                ? ShardIndex.TryRead(File.ReadAllBytes(path))
                : null;
    }

    private LocalShard Locate(string name, CancellationToken cancellationToken)
    {
        string unpacked = CachedPath(name) + ".tar";
        if (IsPacked(name) && File.Exists(unpacked))
        {
            return new LocalShard(unpacked, 0, null);
        }

        CachedFile? lease = RemoteShards.IsRemote(name) ? remote.Value.Fetch(name, cancellationToken) : null;
        if (!IsPacked(name))
        {
            return lease is null ? new LocalShard(name, StampOf(name), null) : new LocalShard(lease.Path, lease.Stamp, lease);
        }

        using (lease)
        {
            Unpack(lease?.Path ?? name, name, unpacked, cancellationToken);
            return new LocalShard(unpacked, 0, null);
        }
    }

    // A .tar.gz cannot be read in the middle: it is unpacked once, under a temporary name, and moved into its place.
    private void Unpack(string path, string name, string target, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.CacheFolder);
        string unfinished = $"{target}.{Path.GetRandomFileName()}.tmp";
        try
        {
            using (FileStream packed = OpenStream(path))
            using (GZipStream content = new(packed, CompressionMode.Decompress))
            using (FileStream file = File.Create(unfinished))
            {
                byte[] piece = new byte[PieceBytes];
                while (content.Read(piece) is > 0 and int read)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (file.Length + read > options.LargestUnpacked)
                    {
                        throw new ImageDataException(name, $"it unpacks to more than {options.LargestUnpacked} bytes. Raise ShardOptions.LargestUnpacked if that is right.");
                    }

                    file.Write(piece, 0, read);
                }
            }

            File.Move(unfinished, target, overwrite: true);
        }
        catch (InvalidDataException problem)
        {
            throw new ImageDataException(name, $"it is damaged or truncated, or no gzip file: {problem.Message}", problem);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    private sealed record LocalShard(string Path, long Stamp, IDisposable? Lease) : IDisposable
    {
        public void Dispose() => Lease?.Dispose();
    }
}
