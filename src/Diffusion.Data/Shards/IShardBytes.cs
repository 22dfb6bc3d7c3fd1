namespace Diffusion.Data;

/// <summary>
/// The bytes of a shard, whether they are local or still being fetched. Thread-safe, except for the streams that it opens.
/// </summary>
internal interface IShardBytes : IDisposable
{
    /// <summary>The size of the shard, in bytes.</summary>
    long Length { get; }

    /// <summary>Identifies the version of the shard; 0 when versions cannot be told apart.</summary>
    long Stamp { get; }

    /// <summary>Whether the shard has changed since it was opened, so that its index is outdated. Default: it cannot change.</summary>
    bool HasChanged => false;

    /// <summary>Reads bytes, waiting until they have arrived; fewer when the shard ends early.</summary>
    int Read(Span<byte> destination, long offset, CancellationToken cancellationToken);

    /// <summary>Announces that bytes will be read soon. Does nothing by default.</summary>
    void Announce(long offset, long size)
    {
    }

    /// <summary>The bytes as a seekable stream; the caller disposes it.</summary>
    Stream OpenStream(CancellationToken cancellationToken);
}
