using System.Collections.Concurrent;

namespace Diffusion.Data;

/// <summary>
/// Indexes of local shards, on disk, or in memory when nothing can be written. Each belongs to the identity of the scanned file. A file
/// that changed just before the scan may change again unnoticed, so its index is used only by the source that made it.
/// </summary>
internal sealed class ShardIndexCache(ShardCache cache)
{
    private readonly ConcurrentDictionary<string, byte[]> inMemory = new(StringComparer.Ordinal);
    private readonly long ours = BitConverter.ToInt64(Guid.NewGuid().ToByteArray()) | 1; // differs between sources

    /// <summary>The header of a shard's index; null when there is no valid index.</summary>
    public ShardIndex? TryOpen(string shard, FileIdentity identity)
    {
        ShardIndex? index = inMemory.TryGetValue(shard, out byte[]? bytes) ? ShardIndex.TryOpen(bytes) : ShardIndex.TryOpen(PathOf(shard));
        return index is not null && IsOf(index, identity) ? index : null;
    }

    /// <summary>The contents of a shard; null when there is no valid index.</summary>
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

    /// <summary>Stores the result of a scan.</summary>
    /// <param name="shard">The full path of the shard.</param>
    /// <param name="identity">The identity of the file before the scan.</param>
    /// <param name="contents">The result of the scan.</param>
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
