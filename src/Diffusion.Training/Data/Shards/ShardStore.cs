namespace Diffusion.Training;

/// <summary>The shards of a source, in folders and on servers.</summary>
internal sealed class ShardStore : IDisposable
{
    private readonly LocalShards local;
    private readonly Lazy<RemoteShards> remote;
    private readonly ShardPicker picker;

    public ShardStore(ShardOptions options)
    {
        ShardUnpacker unpacker = new(options);
        picker = new ShardPicker(options);
        local = new LocalShards(options, unpacker);
        remote = new Lazy<RemoteShards>(() => new RemoteShards(options, unpacker));
    }

    /// <summary>What was used although it could not be checked.</summary>
    public IReadOnlyList<string> Warnings => remote.IsValueCreated ? remote.Value.Warnings : [];

    /// <summary>How many samples and classes a shard has; read through whole only where no index says so.</summary>
    public ShardIndex IndexOf(string name, CancellationToken cancellationToken) =>
        RemoteShards.IsRemote(name) ? remote.Value.IndexOf(name, cancellationToken) : local.IndexOf(name, cancellationToken);

    /// <summary>Opens a shard, and chooses its images.</summary>
    public Shard Open(string name, CancellationToken cancellationToken)
    {
        (IShardBytes bytes, IReadOnlyList<ShardEntry> samples) =
            RemoteShards.IsRemote(name) ? remote.Value.Open(name, cancellationToken) : local.Open(name, cancellationToken);
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
}
