using Microsoft.Win32.SafeHandles;

namespace Diffusion.Data;

/// <summary>Writes a file from its beginning and says how far it has come. The file stays its caller's.</summary>
/// <param name="file">Takes the bytes.</param>
/// <param name="reached">Told, after each piece, where it ends.</param>
internal sealed class PartStream(SafeFileHandle file, Action<long> reached) : Stream
{
    /// <summary>The most bytes of a piece.</summary>
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

    /// <summary>The file has its length from the beginning.</summary>
    public override void SetLength(long value)
    {
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
}
