namespace Diffusion.Data;

/// <summary>
/// Reads scattered parts of a remote file, as a scan of tar headers does, without fetching what lies between them: each part that has not
/// arrived costs one small request. When that is no faster than fetching the whole file, it fetches the whole file instead. Not
/// thread-safe.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="time">Measures the speed.</param>
/// <param name="cancellation">Cancels a wait.</param>
internal sealed class SparseReadStream(StreamedFile file, TimeProvider time, CancellationToken cancellation) : Stream
{
    private const int WindowBytes = 2048;
    private const int LastBytes = 1 << 16;
    private const int Measured = 32;
    private const long MinBytesPerHop = 1 << 14;
    private const double MinBytesPerSecond = 8e6;

    private byte[] window = [];
    private byte[] earlier = [];
    private long windowStart;
    private long earlierStart;
    private bool isWhole = !file.SupportsRanges;
    private int hops;
    private readonly long began = time.GetTimestamp();

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => file.Length;

    public override long Position { get; set; }

    public override int Read(Span<byte> buffer)
    {
        int size = (int)Math.Clamp(Length - Position, 0, buffer.Length);
        if (size == 0)
        {
            return 0;
        }

        Span<byte> wanted = buffer[..size];
        if (!TryCopy(window, windowStart, wanted) && !TryCopy(earlier, earlierStart, wanted))
        {
            if (isWhole || size > WindowBytes || file.Has(Position, size))
            {
                if (isWhole)
                {
                    file.FetchAll();
                }

                size = file.Read(wanted, Position, cancellation);
            }
            else
            {
                Hop();
                TryCopy(window, windowStart, wanted);
            }
        }

        Position += size;
        return size;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    // The end of an archive is read in one piece. The previous window is kept, because the label of a sample is read after the name of the
    // next one.
    private void Hop()
    {
        (earlier, earlierStart) = (window, windowStart);
        window = file.FetchDirectly(Position, Length - Position <= LastBytes ? LastBytes : WindowBytes, cancellation);
        windowStart = Position;
        if (++hops % Measured == 0)
        {
            isWhole = Position < hops * MinBytesPerHop || Position < MinBytesPerSecond * time.GetElapsedTime(began).TotalSeconds;
        }
    }

    private bool TryCopy(byte[] bytes, long start, Span<byte> wanted)
    {
        bool isInside = Position >= start && Position + wanted.Length <= start + bytes.Length;
        if (isInside)
        {
            bytes.AsSpan((int)(Position - start), wanted.Length).CopyTo(wanted);
        }

        return isInside;
    }
}
