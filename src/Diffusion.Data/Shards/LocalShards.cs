namespace Diffusion.Data;

/// <summary>
/// Shards in folders. Each is scanned once, and what the scan found is kept for as long as the file is the same. An index that lies beside
/// the shard is not read: to see that it is of these very bytes takes as much reading as the scan.
/// </summary>
internal sealed class LocalShards(ShardCache cache, UnpackedShards unpacked)
{
    private readonly ShardIndexCache indexes = new(cache);

    /// <summary>How many samples and classes a shard has.</summary>
    public ShardIndex IndexOf(string name, CancellationToken cancellationToken)
    {
        string path = Locate(name, cancellationToken);
        FileIdentity identity = FileIdentity.Of(path);
        return indexes.TryOpen(path, identity) ?? Scan(name, path, identity, cancellationToken).Index;
    }

    /// <summary>The bytes of a shard, and what it holds.</summary>
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

    // The tar file: the shard itself, or its unpacked copy.
    private string Locate(string name, CancellationToken cancellationToken)
    {
        if (!ShardFormat.IsPacked(name, name))
        {
            return name;
        }

        string copy = unpacked.CopyOf(name, cancellationToken);
        return ShardFormat.IsPacked(copy, name)
            ? throw new ImageDataException(name, "it is a gzip file within a gzip file. Unpack it once (gunzip).")
            : copy;
    }
}
