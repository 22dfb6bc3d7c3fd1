using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>Writes a file from its beginning and reports progress. Does not close the file.</summary>
/// <param name="file">The destination.</param>
/// <param name="reached">Called after each piece with the offset of its end.</param>
internal sealed class PartStream(SafeFileHandle file, Action<long> reached) : Stream
{
    /// <summary>The maximum size of a piece, in bytes.</summary>
    public const int MaxPieceBytes = 1 << 16;

    public override bool CanRead => false;

    public override bool CanSeek => true;

    public override bool CanWrite => true;

    public override long Length => RandomAccess.GetLength(file);

    public override long Position { get; set; }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        for (int at = 0; at < buffer.Length; at += MaxPieceBytes)
        {
            ReadOnlySpan<byte> piece = buffer.Slice(at, Math.Min(MaxPieceBytes, buffer.Length - at));
            RandomAccess.Write(file, piece, Position);
            Position += piece.Length;
            reached(Position);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Does nothing: the file already has its final length.</summary>
    public override void SetLength(long value)
    {
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
}
