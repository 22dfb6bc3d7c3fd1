using System.Collections.Concurrent;

namespace Diffusion.Data;

/// <summary>
/// Indexes of shards in folders: on the disk, or in memory where nothing can be written. Each is bound to the identity of the file that was
/// scanned. A file that changed just before its scan may change again unseen, so that index is believed by the source that made it alone.
/// </summary>
internal sealed class ShardIndexCache(ShardCache cache)
{
    private readonly ConcurrentDictionary<string, byte[]> inMemory = new(StringComparer.Ordinal);
    private readonly long ours = BitConverter.ToInt64(Guid.NewGuid().ToByteArray()) | 1; // another in each source

    /// <summary>How many samples and classes a shard has; null when no index says so.</summary>
    public ShardIndex? TryOpen(string shard, FileIdentity identity)
    {
        ShardIndex? index = inMemory.TryGetValue(shard, out byte[]? bytes) ? ShardIndex.TryOpen(bytes) : ShardIndex.TryOpen(PathOf(shard));
        return index is not null && IsOf(index, identity) ? index : null;
    }

    /// <summary>What a shard holds; null when no index says so.</summary>
    public ShardContents? TryRead(string shard, FileIdentity identity)
    {
        if (TryOpen(shard, identity) is null)
        {
            return null;
        }

        try
        {
            byte[] bytes = inMemory.TryGetValue(shard, out byte[]? kept) ? kept : File.ReadAllBytes(PathOf(shard));
            return ShardIndex.TryOpen(bytes) is { } index && IsOf(index, identity) ? ShardIndex.TryRead(bytes) : null;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps what a scan found.</summary>
    /// <param name="shard">The file, by its full path.</param>
    /// <param name="identity">What it was before the scan.</param>
    /// <param name="contents">What the scan found.</param>
    public ShardIndex Keep(string shard, FileIdentity identity, ShardContents contents)
    {
        long stamp = identity.IsSettledAt(cache.Now) ? identity.Stamp : identity.Stamp ^ ours;
        byte[] bytes = ShardIndex.ToBytes(identity.Length, stamp, contents);
        if (cache.TryWrite(PathOf(shard), bytes))
        {
            inMemory.TryRemove(shard, out _);
        }
        else
        {
            inMemory[shard] = bytes;
        }

        return ShardIndex.TryOpen(bytes)!;
    }

    private string PathOf(string shard) => cache.PathFor(shard, ShardIndex.Extension);

    private bool IsOf(ShardIndex index, FileIdentity identity) =>
        index.ShardLength == identity.Length
        && (index.Stamp == (identity.Stamp ^ ours) || (identity.IsStrong && index.Stamp == identity.Stamp));
}
