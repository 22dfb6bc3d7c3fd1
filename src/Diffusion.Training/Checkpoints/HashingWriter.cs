using System.Security.Cryptography;

namespace Diffusion.Training;

/// <summary>Writes a file sequentially and hashes each block while it is written.</summary>
internal sealed class HashingWriter(IDiskFile file) : Stream
{
    private const int MinParallelBytes = 1 << 16;

    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long length;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => length;

    public override long Position
    {
        get => length;
        set => throw new NotSupportedException();
    }

    /// <summary>Completes the file and returns its name, size and hash.</summary>
    /// <param name="name">The name in the folder of the checkpoint.</param>
    public CheckpointFile Finish(string name) => new(name, length, Convert.ToHexStringLower(hash.GetHashAndReset()));

    public override unsafe void Write(ReadOnlySpan<byte> buffer)
    {
        length += buffer.Length;
        if (buffer.Length < MinParallelBytes)
        {
            hash.AppendData(buffer);
            file.Write(buffer);
            return;
        }

        fixed (byte* first = buffer)
        {
            nint address = (nint)first;
            int count = buffer.Length;
            Task hashing = Task.Run(() => hash.AppendData(new ReadOnlySpan<byte>((void*)address, count)));
            try
            {
                file.Write(buffer);
            }
            finally
            {
                hashing.GetAwaiter().GetResult(); // After this, the caller may reuse the buffer.
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            hash.Dispose();
        }

        base.Dispose(disposing);
    }
}
