using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>The bytes of a local file.</summary>
/// <param name="path">The file.</param>
/// <param name="stamp">Identifies the version of the file; 0 when versions cannot be told apart.</param>
/// <param name="lease">Protects the file from being deleted; disposed with this object.</param>
/// <param name="identity">The identity of the file when its index was read; null when no other program writes it.</param>
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
