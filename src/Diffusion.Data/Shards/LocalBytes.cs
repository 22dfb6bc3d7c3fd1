using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>The bytes of a file in a folder.</summary>
/// <param name="path">The file.</param>
/// <param name="stamp">Tells versions of the file apart; 0 where nothing does.</param>
/// <param name="lease">Keeps the file; disposed with this.</param>
/// <param name="identity">What the file was when its index was read; null where nobody else writes it.</param>
internal sealed class LocalBytes(string path, long stamp, IDisposable? lease, FileIdentity? identity = null) : IShardBytes
{
    private readonly SafeFileHandle file = File.OpenHandle(path);

    /// <summary>The file.</summary>
    public string Path => path;

    public long Length => RandomAccess.GetLength(file);

    public long Stamp => stamp;

    public bool HasChanged => identity is { } known && FileIdentity.TryOf(file) is { } now && now != known;

    public int Read(Span<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int read = 0;
        while (read < destination.Length && RandomAccess.Read(file, destination[read..], offset + read) is > 0 and int piece)
        {
            read += piece;
        }

        return read;
    }

    public Stream OpenStream(CancellationToken cancellationToken) =>
        new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);

    public void Dispose()
    {
        file.Dispose();
        lease?.Dispose();
    }
}
