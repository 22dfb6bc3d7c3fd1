using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>An opened shard: its file, and the images that are used of it.</summary>
internal sealed class Shard(SafeFileHandle file, IDisposable? lease, IReadOnlyList<ShardPick> picks, IReadOnlyList<string> leftOut) : IDisposable
{
    /// <summary>The images, in the order of the shard.</summary>
    public IReadOnlyList<ShardPick> Picks { get; } = picks;

    /// <summary>The keys of samples that are left out because their labels cannot be read.</summary>
    public IReadOnlyList<string> LeftOut { get; } = leftOut;

    /// <summary>Reads bytes of the file; fewer when it ends early.</summary>
    public int Read(Span<byte> destination, long offset)
    {
        int read = 0;
        while (read < destination.Length && RandomAccess.Read(file, destination[read..], offset + read) is > 0 and int piece)
        {
            read += piece;
        }

        return read;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        file.Dispose();
        lease?.Dispose();
    }
}

/// <summary>One image of a shard.</summary>
/// <param name="Key">Its sample's key.</param>
/// <param name="Offset">Where its bytes begin; -1 when the sample has no image.</param>
/// <param name="Size">How many bytes it has.</param>
/// <param name="Label">Its class; -1 for none.</param>
internal readonly record struct ShardPick(string Key, long Offset, long Size, int Label);
