using Microsoft.Win32.SafeHandles;

namespace Diffusion.Training;

/// <summary>The bytes of a file in a folder.</summary>
/// <param name="path">The file.</param>
/// <param name="stamp">Tells versions of the file apart; 0 where nothing does.</param>
/// <param name="lease">Keeps the file; disposed with this.</param>
internal sealed class LocalBytes(string path, long stamp, IDisposable? lease) : IShardBytes
{
    private readonly SafeFileHandle file = File.OpenHandle(path);

    /// <summary>The file.</summary>
    public string Path => path;

    public long Length => RandomAccess.GetLength(file);

    public long Stamp => stamp;

    public int Read(Span<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int read = 0;
        while (read < destination.Length && RandomAccess.Read(file, destination[read..], offset + read) is > 0 and int piece)
        {
            read += piece;
        }

        return read;
    }

    public Stream OpenStream(CancellationToken cancellationToken) => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);

    public void Dispose()
    {
        file.Dispose();
        lease?.Dispose();
    }
}
