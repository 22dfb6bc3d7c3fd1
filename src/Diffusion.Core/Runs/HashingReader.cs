using System.Security.Cryptography;

namespace Diffusion;

/// <summary>Reads a file sequentially and hashes each block while the next one is read.</summary>
internal sealed class HashingReader(FileStream file) : Stream
{
    private const int BlockBytes = 1 << 18;
    private const int MinParallelBytes = 1 << 16;

    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => file.Length;

    public override long Position
    {
        get => file.Position;
        set => throw new NotSupportedException();
    }

    /// <summary>Returns the SHA-256 of everything that was read, in lower-case hexadecimal.</summary>
    public string Finish() => Convert.ToHexStringLower(hash.GetHashAndReset());

    public override unsafe int Read(Span<byte> buffer)
    {
        if (buffer.Length < MinParallelBytes)
        {
            int count = file.Read(buffer);
            hash.AppendData(buffer[..count]);
            return count;
        }

        fixed (byte* first = buffer)
        {
            nint address = (nint)first;
            Task hashing = Task.CompletedTask;
            int total = 0;
            try
            {
                while (total < buffer.Length
                    && file.Read(buffer.Slice(total, Math.Min(BlockBytes, buffer.Length - total))) is > 0 and int read)
                {
                    hashing.GetAwaiter().GetResult();
                    nint start = address + total;
                    hashing = Task.Run(() => hash.AppendData(new ReadOnlySpan<byte>((void*)start, read)));
                    total += read;
                }
            }
            finally
            {
                hashing.GetAwaiter().GetResult(); // After this, the caller may reuse the buffer.
            }

            return total;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            hash.Dispose();
        }

        base.Dispose(disposing);
    }
}
