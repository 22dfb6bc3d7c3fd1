namespace Diffusion.Data;

/// <summary>The bytes of a file that is read while it is being fetched.</summary>
/// <param name="file">The file.</param>
/// <param name="time">Measures the speed.</param>
/// <param name="release">Called once the bytes are no longer needed.</param>
internal sealed class StreamedBytes(StreamedFile file, TimeProvider time, Action release) : IShardBytes
{
    private int isReleased;

    public long Length => file.Length;

    public long Stamp => file.Version.Stamp;

    public int Read(Span<byte> destination, long offset, CancellationToken cancellationToken) =>
        file.Read(destination, offset, cancellationToken);

    public void Announce(long offset, long size) => file.Announce(offset, size);

    public Stream OpenStream(CancellationToken cancellationToken) => new SparseReadStream(file, time, cancellationToken);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref isReleased, 1) == 0)
        {
            release();
        }
    }
}
