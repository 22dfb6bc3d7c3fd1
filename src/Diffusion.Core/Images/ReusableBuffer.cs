namespace Diffusion;

/// <summary>A buffer that is reused for the next image and grows as needed; a very large one is released.</summary>
internal sealed class ReusableBuffer
{
    /// <summary>64 MB. A larger buffer is used for one image only.</summary>
    public const int MaxKeptBytes = 64_000_000;

    private byte[] bytes = [];

    /// <summary>How many bytes are held now.</summary>
    public int HeldBytes => bytes.Length;

    /// <summary>The first bytes of the buffer, not cleared. Spans taken earlier become invalid.</summary>
    /// <param name="length">How many, at most <see cref="Array.MaxLength"/>.</param>
    public Span<byte> Take(int length)
    {
        Trim();
        if (bytes.Length < length)
        {
            // Grows by half, so that slowly growing sizes do not each allocate a buffer.
            long spare = Math.Min(length + (length / 2L), MaxKeptBytes);
            bytes = [];
            bytes = GC.AllocateUninitializedArray<byte>((int)Math.Max(length, spare));
        }

        return bytes.AsSpan(0, length);
    }

    /// <summary>Releases a very large buffer.</summary>
    public void Trim()
    {
        if (bytes.Length > MaxKeptBytes)
        {
            bytes = [];
        }
    }
}
