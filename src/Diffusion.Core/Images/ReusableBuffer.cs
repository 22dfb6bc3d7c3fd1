namespace Diffusion;

/// <summary>Bytes that are kept from one image to the next and grow with the largest; a very large one is let go.</summary>
internal sealed class ReusableBuffer
{
    /// <summary>64 MB. A larger buffer is taken for one image only.</summary>
    public const int MaxKeptBytes = 64_000_000;

    private byte[] bytes = [];

    /// <summary>How many bytes are held now.</summary>
    public int HeldBytes => bytes.Length;

    /// <summary>The first bytes of the buffer, with whatever the last image left in them. What was taken before is void.</summary>
    /// <param name="length">How many, at most <see cref="Array.MaxLength"/>.</param>
    public Span<byte> Take(int length)
    {
        Trim();
        if (bytes.Length < length)
        {
            // Half as much again: sizes that creep up do not each take a new buffer.
            long spare = Math.Min(length + (length / 2L), MaxKeptBytes);
            bytes = [];
            bytes = GC.AllocateUninitializedArray<byte>((int)Math.Max(length, spare));
        }

        return bytes.AsSpan(0, length);
    }

    /// <summary>Lets a very large buffer go.</summary>
    public void Trim()
    {
        if (bytes.Length > MaxKeptBytes)
        {
            bytes = [];
        }
    }
}
