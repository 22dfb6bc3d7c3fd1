using System.Security.Cryptography;
using System.Text;

namespace Diffusion.Training;

/// <summary>Shards in folders, and their indexes.</summary>
internal sealed class LocalShards(ShardOptions options, ShardUnpacker unpacker)
{
    /// <summary>How many samples and classes a shard has; read through whole only where no index says so.</summary>
    public ShardIndex IndexOf(string name, CancellationToken cancellationToken) =>
        KnownIndex(name) ?? Scan(name, Locate(name, cancellationToken), cancellationToken).Index;

    /// <summary>The bytes of a shard, and its samples.</summary>
    public (IShardBytes Bytes, IReadOnlyList<ShardEntry> Samples) Open(string name, CancellationToken cancellationToken)
    {
        LocalShard shard = Locate(name, cancellationToken);
        IReadOnlyList<ShardEntry> samples = KnownSamples(name, shard) ?? Scan(name, shard, cancellationToken).Samples;
        return (new LocalBytes(shard.Path, shard.Stamp, null), samples);
    }

    private (ShardIndex Index, IReadOnlyList<ShardEntry> Samples) Scan(string name, LocalShard shard, CancellationToken cancellationToken)
    {
        try
        {
            using FileStream stream = new(shard.Path, FileMode.Open, FileAccess.Read, FileShare.Read);
            IReadOnlyList<ShardEntry> samples = ShardScanner.Scan(stream, name, cancellationToken);
            return (ShardIndex.Write(CachedIndexPath(name), stream.Length, shard.Stamp, samples), samples);
        }
        catch (ImageDataException) when (IsPacked(name))
        {
            File.Delete(shard.Path); // the unpacked copy of what may be mended
            throw;
        }
    }

    private static bool IsPacked(string name) => name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

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
        ? new LocalShard(unpacker.Unpack(name, name, CachedPath(name) + ".tar", cancellationToken), 0)
        : new LocalShard(name, StampOf(name));

    private sealed record LocalShard(string Path, long Stamp);
}
