namespace Diffusion.Data;

/// <summary>The shards of a source, local and remote.</summary>
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

    /// <summary>Copies that were used although they could not be checked.</summary>
    public IReadOnlyList<string> Warnings => remote.IsValueCreated ? remote.Value.Warnings : [];

    /// <summary>The header of a shard's index; the shard is scanned only if there is no index.</summary>
    public ShardIndex IndexOf(string name, CancellationToken cancellationToken) =>
        RemoteShards.IsRemote(name) ? remote.Value.IndexOf(name, cancellationToken) : local.IndexOf(name, cancellationToken);

    /// <summary>Opens a shard and selects its images.</summary>
    /// <param name="name">The shard.</param>
    /// <param name="isForReading">Whether its images will be read; false to examine its samples only.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
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
