namespace Diffusion.Data;

/// <summary>
/// The bytes of a shard, whether they are here or still on their way. Safe from several threads, but for the streams that it opens.
/// </summary>
internal interface IShardBytes : IDisposable
{
    /// <summary>How many bytes there are.</summary>
    long Length { get; }

    /// <summary>Tells versions of the shard apart; 0 where nothing does.</summary>
    long Stamp { get; }

    /// <summary>
    /// Whether the shard has changed since it was opened, so that its index is no longer right. Default: it cannot change.
    /// </summary>
    bool HasChanged => false;

    /// <summary>Reads bytes, and waits for them where they are on their way; fewer when the shard ends early.</summary>
    int Read(Span<byte> destination, long offset, CancellationToken cancellationToken);

    /// <summary>Says that bytes will be read soon. Default: nothing.</summary>
    void Announce(long offset, long size)
    {
    }

    /// <summary>The bytes as a stream that can seek; it belongs to the caller.</summary>
    Stream OpenStream(CancellationToken cancellationToken);
}
