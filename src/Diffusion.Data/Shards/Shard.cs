namespace Diffusion.Data;

/// <summary>An opened shard: its bytes, and the images that are used of it.</summary>
internal sealed class Shard(IShardBytes bytes, ShardSelection selection, long digest) : IDisposable
{
    /// <summary>The images, and what is to be said of other samples.</summary>
    public ShardSelection Selection { get; } = selection;

    /// <summary>The images, in the order of the shard.</summary>
    public IReadOnlyList<ShardPick> Picks => Selection.Picks;

    /// <summary>A number made of the keys, places and labels of all its samples.</summary>
    public long Digest { get; } = digest;

    /// <summary>Whether its file has changed since it was opened.</summary>
    public bool HasChanged => bytes.HasChanged;

    /// <summary>Reads bytes of the shard, and waits for those that are on their way; fewer when it ends early.</summary>
    public int Read(Span<byte> destination, long offset, CancellationToken cancellationToken) =>
        bytes.Read(destination, offset, cancellationToken);

    /// <summary>Says that an image will be read soon.</summary>
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
/// <param name="Key">Its sample's key.</param>
/// <param name="Offset">Where its bytes begin; -1 when the sample has no image.</param>
/// <param name="Size">How many bytes it has.</param>
/// <param name="Label">Its class; -1 for none.</param>
/// <param name="Problem">Why it has no image; null where it has one.</param>
internal readonly record struct ShardPick(string Key, long Offset, long Size, int Label, string? Problem = null);
