using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Training;

/// <summary>Finds the bytes and the index of a shard, wherever it lies: as it is, unpacked, or fetched from a server.</summary>
internal sealed class ShardStore : IDisposable
{
    private const int PieceBytes = 1 << 20;

    private readonly ShardOptions options;
    private readonly Lazy<RemoteShards> remote;
    private readonly ShardPicker picker;

    public ShardStore(ShardOptions options)
    {
        this.options = options;
        picker = new ShardPicker(options);
        remote = new Lazy<RemoteShards>(() => new RemoteShards(options, Unpack));
    }

    /// <summary>What was used although it could not be checked.</summary>
    public IReadOnlyList<string> Warnings => remote.IsValueCreated ? remote.Value.Warnings : [];

    /// <summary>How many samples and classes a shard has; read through whole only where no index says so.</summary>
    public ShardIndex IndexOf(string name, CancellationToken cancellationToken)
    {
        if (RemoteShards.IsRemote(name))
        {
            return remote.Value.IndexOf(name, cancellationToken);
        }

        if (KnownIndex(name) is { } known)
        {
            return known;
        }

        LocalShard shard = Locate(name, cancellationToken);
        return Scan(name, shard, cancellationToken).Index;
    }

    /// <summary>Opens a shard, and chooses its images.</summary>
    public Shard Open(string name, CancellationToken cancellationToken)
    {
        (IShardBytes bytes, IReadOnlyList<ShardEntry> samples) = RemoteShards.IsRemote(name) ? remote.Value.Open(name, cancellationToken) : OpenLocal(name, cancellationToken);
        try
        {
            using Stream stream = bytes.OpenStream(cancellationToken);
            (IReadOnlyList<ShardPick> picks, IReadOnlyList<string> leftOut) = picker.Pick(name, samples, stream);
            return new Shard(bytes, picks, leftOut);
        }
        catch
        {
            bytes.Dispose();
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

    private (IShardBytes Bytes, IReadOnlyList<ShardEntry> Samples) OpenLocal(string name, CancellationToken cancellationToken)
    {
        LocalShard shard = Locate(name, cancellationToken);
        IReadOnlyList<ShardEntry> samples = KnownSamples(name, shard) ?? Scan(name, shard, cancellationToken).Samples;
        return (new LocalBytes(shard.Path, shard.Stamp, null), samples);
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
        name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    // A shard that was changed is another shard.
    private static long StampOf(string name) => File.GetLastWriteTimeUtc(name).Ticks;

    private string CachedPath(string name)
    {
        string place = $"{Path.GetFullPath(name)}|{new FileInfo(name).Length}|{StampOf(name)}";
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

    private ShardIndex? KnownIndex(string name) => ShardIndex.TryOpen(CachedIndexPath(name)) ?? (IsPacked(name) ? null : IndexBeside(name));

    // An index is believed only of the very bytes that are here.
    private IReadOnlyList<ShardEntry>? KnownSamples(string name, LocalShard shard)
    {
        long length = new FileInfo(shard.Path).Length;
        return Fitting(CachedIndexPath(name)) ?? (IsPacked(name) || IndexBeside(name) is null ? null : Fitting(name + ShardIndex.Extension));

        IReadOnlyList<ShardEntry>? Fitting(string path) =>
            ShardIndex.TryOpen(path) is { } index && index.ShardLength == length && (index.Stamp == shard.Stamp || index.Stamp == 0 || shard.Stamp == 0)
                ? ShardIndex.TryRead(File.ReadAllBytes(path))
                : null;
    }

    private LocalShard Locate(string name, CancellationToken cancellationToken) => IsPacked(name)
        ? new LocalShard(Unpack(name, name, CachedPath(name) + ".tar", cancellationToken), 0)
        : new LocalShard(name, StampOf(name));

    // A .tar.gz cannot be read in the middle: it is unpacked once, under a temporary name, and moved into its place.
    private string Unpack(string path, string name, string target, CancellationToken cancellationToken)
    {
        if (File.Exists(target))
        {
            return target;
        }

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
            return target;
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

    private sealed record LocalShard(string Path, long Stamp);
}
