namespace Diffusion.Data;

/// <summary>An open shard: its bytes and the selected images.</summary>
internal sealed class Shard(IShardBytes bytes, ShardSelection selection, long digest) : IDisposable
{
    /// <summary>The selected images, and notes on the other samples.</summary>
    public ShardSelection Selection { get; } = selection;

    /// <summary>The selected images, in the order of the shard.</summary>
    public IReadOnlyList<ShardPick> Picks => Selection.Picks;

    /// <summary>A hash of the keys, positions and labels of all samples.</summary>
    public long Digest { get; } = digest;

    /// <summary>Whether the file has changed since it was opened.</summary>
    public bool HasChanged => bytes.HasChanged;

    /// <summary>Reads bytes of the shard, waiting until they have arrived; fewer when it ends early.</summary>
    public int Read(Span<byte> destination, long offset, CancellationToken cancellationToken) =>
        bytes.Read(destination, offset, cancellationToken);

    /// <summary>Announces that an image will be read soon.</summary>
    public void Announce(ShardPick pick)
    {
        if (pick.Offset >= 0)
        {
            bytes.Announce(pick.Offset, pick.Size);
        }
    }

    /// <summary>Closes the shard.</summary>
    public void Dispose() => bytes.Dispose();
}

/// <summary>One image of a shard.</summary>
/// <param name="Key">The key of the sample.</param>
/// <param name="Offset">The offset of its first byte; -1 when the sample has no image.</param>
/// <param name="Size">The size, in bytes.</param>
/// <param name="Label">The label; -1 for none.</param>
/// <param name="Problem">Why the sample has no image; null when it has one.</param>
internal readonly record struct ShardPick(string Key, long Offset, long Size, int Label, string? Problem = null);
