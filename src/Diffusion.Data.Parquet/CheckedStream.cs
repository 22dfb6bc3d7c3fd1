namespace Diffusion.Data.Parquet;

/// <summary>
/// A file that Parquet.Net reads no further than it has been checked, and in all not many times over. Reading on throws; a plain stream
/// would give nothing, which Parquet.Net takes for more bytes and reads on forever.
/// </summary>
/// <param name="file">The file; it stays its owner's.</param>
internal sealed class CheckedStream(FileStream file) : Stream
{
    // The footer is read twice and a page as well; more than this is a loop.
    private const int MaxTimes = 16;
    private const int Always = 1 << 20;

    private long left = Always + (MaxTimes * file.Length);

    /// <summary>Where reading must have ended. First the end of the file.</summary>
    public long End { get; set; } = file.Length;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length { get; } = file.Length;

    public override long Position
    {
        get => file.Position;
        set => file.Position = value;
    }

    public override int ReadByte()
    {
        Spend(1);
        int value = file.Position < End ? file.ReadByte() : -1;
        return value >= 0 ? value : throw PastEnd();
    }

    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Clamp(End - file.Position, 0, buffer.Length);
        Spend(count + 1);
        int read = file.Read(buffer[..count]);
        return read > 0 || buffer.IsEmpty ? read : throw PastEnd();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException("The file is only read.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("The file is only read.");

    private void Spend(int bytes)
    {
        left -= bytes;
        if (left < 0)
        {
            throw new InvalidDataException($"Its {Length} bytes are read more than {MaxTimes} times over.");
        }
    }

    private InvalidDataException PastEnd() => new($"What must end before byte {End} reads on.");
}
