namespace Diffusion.Data;

/// <summary>
/// Local shards. Each is scanned once, and the result is kept until the file changes. An index next to the shard is not used: checking that
/// it matches the shard would take as long as the scan.
/// </summary>
internal sealed class LocalShards(ShardCache cache, UnpackedShards unpacked)
{
    private readonly ShardIndexCache indexes = new(cache);

    /// <summary>The header of a shard's index.</summary>
    public ShardIndex IndexOf(string name, CancellationToken cancellationToken)
    {
        string path = Locate(name, cancellationToken);
        FileIdentity identity = FileIdentity.Of(path);
        return indexes.TryOpen(path, identity) ?? Scan(name, path, identity, cancellationToken).Index;
    }

    /// <summary>Opens a shard: its bytes and its contents.</summary>
    public (IShardBytes Bytes, ShardContents Contents) Open(string name, CancellationToken cancellationToken)
    {
        string path = Locate(name, cancellationToken);
        FileIdentity identity = FileIdentity.Of(path);
        LocalBytes bytes = new(path, identity.Stamp, null, identity);
        try
        {
            return (bytes, indexes.TryRead(path, identity) ?? Scan(name, path, identity, cancellationToken).Contents);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    private (ShardIndex Index, ShardContents Contents) Scan(
        string name, string path, FileIdentity identity, CancellationToken cancellationToken)
    {
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            ShardContents contents = ShardScanner.Scan(stream, name, cancellationToken);
            return (indexes.Keep(path, identity, contents), contents);
        }
        catch (ImageDataException) when (path != name)
        {
            unpacked.Drop(name);
            throw;
        }
    }

    // The tar file: the shard itself or its unpacked copy.
    private string Locate(string name, CancellationToken cancellationToken)
    {
        if (!ShardFormat.IsPacked(name, name))
        {
            return name;
        }

        string copy = unpacked.CopyOf(name, cancellationToken);
        return ShardFormat.IsPacked(copy, name)
            ? throw new ImageDataException(name, "it is a gzip file inside a gzip file. Unpack it once (gunzip).")
            : copy;
    }
}
