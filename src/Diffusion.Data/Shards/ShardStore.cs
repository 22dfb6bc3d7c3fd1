namespace Diffusion.Data;

/// <summary>The shards of a source, in folders and on servers.</summary>
internal sealed class ShardStore : IDisposable
{
    private readonly LocalShards local;
    private readonly Lazy<RemoteShards> remote;
    private readonly ShardPicker picker;

    public ShardStore(ShardOptions options)
    {
        ShardCache cache = new(Path.GetFullPath(options.CacheFolder), options.Fetching.Time);
        ShardUnpacker unpacker = new(cache, options.MaxUnpackedBytes);
        picker = new ShardPicker(options);
        local = new LocalShards(cache, new UnpackedShards(cache, unpacker, options.UnpackedCacheLimit));
        remote = new Lazy<RemoteShards>(() =>
        {
            cache.Require();
            return new RemoteShards(options with { CacheFolder = cache.Folder }, unpacker);
        });
    }

    /// <summary>What was used although it could not be checked.</summary>
    public IReadOnlyList<string> Warnings => remote.IsValueCreated ? remote.Value.Warnings : [];

    /// <summary>How many samples and classes a shard has; read through whole only where no index says so.</summary>
    public ShardIndex IndexOf(string name, CancellationToken cancellationToken) =>
        RemoteShards.IsRemote(name) ? remote.Value.IndexOf(name, cancellationToken) : local.IndexOf(name, cancellationToken);

    /// <summary>Opens a shard, and chooses its images.</summary>
    /// <param name="name">The shard.</param>
    /// <param name="isForReading">Whether its images will be read; false for a look at its samples.</param>
    /// <param name="cancellationToken">Ends the opening.</param>
    public Shard Open(string name, bool isForReading, CancellationToken cancellationToken)
    {
        (IShardBytes bytes, ShardContents contents) =
            RemoteShards.IsRemote(name) ? remote.Value.Open(name, isForReading, cancellationToken) : local.Open(name, cancellationToken);
        try
        {
            using Stream stream = bytes.OpenStream(cancellationToken);
            return new Shard(bytes, picker.Pick(RemoteAddress.Shown(name), contents, stream), ShardIndex.DigestOf(contents));
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
}
