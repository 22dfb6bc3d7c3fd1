namespace Diffusion.Data.Parquet;

/// <summary>
/// Limits what Parquet.Net reads of a file: only the part that has been checked, and only a few times. Reading beyond the end throws; a
/// plain stream would return nothing, on which Parquet.Net loops forever.
/// </summary>
/// <param name="file">The file, which is not disposed.</param>
internal sealed class CheckedStream(FileStream file) : Stream
{
    // The footer and the pages are read twice; many more times means a loop.
    private const int MaxPasses = 16;
    private const int MinBudget = 1 << 20;

    private long budget = MinBudget + (MaxPasses * file.Length);

    /// <summary>The limit of reading. Initially the end of the file.</summary>
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

    public override void SetLength(long value) => throw new NotSupportedException("The file is read-only.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("The file is read-only.");

    private void Spend(int bytes)
    {
        budget -= bytes;
        if (budget < 0)
        {
            throw new InvalidDataException($"Its {Length} bytes are read more than {MaxPasses} times.");
        }
    }

    private InvalidDataException PastEnd() => new($"Data that must end before byte {End} continues beyond it.");
}
