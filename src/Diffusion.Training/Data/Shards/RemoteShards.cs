namespace Diffusion.Training;

/// <summary>Shards that lie on http servers, and their indexes beside them.</summary>
internal sealed class RemoteShards(ShardOptions options) : IDisposable
{
    private const long LargestIndex = 1 << 30;

    private readonly RemoteFileCache cache = new(
        options.Fetching with { Folder = Path.Combine(options.CacheFolder, "remote"), CacheBytes = options.RemoteCacheLimit });

    /// <summary>Whether a name is an address and no path.</summary>
    public static bool IsRemote(string name) =>
        name.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || name.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    /// <summary>The whole shard as a local file.</summary>
    public CachedFile Fetch(string name, CancellationToken cancellationToken) => cache.Fetch(new Uri(name), options.RemoteCacheLimit, cancellationToken);

    /// <summary>The index that lies beside a shard; null when there is none that can be used.</summary>
    public byte[]? TryFetchIndex(string name, CancellationToken cancellationToken)
    {
        try
        {
            UriBuilder address = new(name);
            address.Path += ShardIndex.Extension;
            using CachedFile file = cache.Fetch(address.Uri, LargestIndex, cancellationToken);
            return File.ReadAllBytes(file.Path);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Dispose() => cache.Dispose();
}
