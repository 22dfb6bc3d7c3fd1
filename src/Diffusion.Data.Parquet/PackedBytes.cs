namespace Diffusion.Data.Parquet;

/// <summary>
/// Reads the numbers and lengths of Thrift's compact protocol, Snappy and Zstandard from a stream, and never reads past a limit.
/// </summary>
/// <param name="stream">The stream to read.</param>
/// <param name="end">The limit of reading.</param>
internal sealed class PackedBytes(Stream stream, long end)
{
    /// <summary>The maximum number of bytes of a 32-bit number.</summary>
    public const int Int32 = 5;

    /// <summary>The maximum number of bytes of a 64-bit number.</summary>
    public const int Int64 = 10;

    /// <summary>The number of bytes left.</summary>
    public long Left { get; private set; } = end - stream.Position;

    /// <summary>Reads the next byte.</summary>
    public int Next()
    {
        Need(1);
        Left--;
        return stream.ReadByte();
    }

    /// <summary>Reads a little-endian number with a fixed number of bytes.</summary>
    public ulong Fixed(int count)
    {
        ulong value = 0;
        for (int i = 0; i < count; i++)
        {
            value |= (ulong)Next() << (8 * i);
        }

        return value;
    }

    /// <summary>Reads an unsigned number: seven bits per byte, lowest first.</summary>
    /// <param name="maxBytes">The maximum number of bytes.</param>
    public ulong Unsigned(int maxBytes)
    {
        ulong value = 0;
        for (int i = 0; i < maxBytes; i++)
        {
            int part = Next();
            value |= (ulong)(part & 0x7F) << (7 * i);
            if (part < 0x80)
            {
                return maxBytes == Int32 && value > uint.MaxValue ? throw TooLarge(maxBytes) : value;
            }
        }

        throw TooLarge(maxBytes);
    }

    /// <summary>Reads a signed number, whose lowest bit is the sign.</summary>
    /// <param name="maxBytes">The maximum number of bytes.</param>
    public long Signed(int maxBytes)
    {
        ulong value = Unsigned(maxBytes);
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>Reads the number and type of the elements of a list.</summary>
    public (long Count, int Type) List()
    {
        int head = Next();
        long count = head >> 4 == 15 ? (long)Unsigned(Int32) : head >> 4;
        Need(count); // every element takes at least one byte
        return (count, head & 15);
    }

    /// <summary>Skips bytes.</summary>
    public void Skip(long count)
    {
        Need(count);
        Left -= count;
        stream.Seek(count, SeekOrigin.Current);
    }

    private void Need(long count)
    {
        if (count > Left)
        {
            throw new InvalidDataException($"{count} bytes are needed, but only {Left} are left.");
        }
    }

    private static InvalidDataException TooLarge(int maxBytes) => new($"A number takes more than {maxBytes} bytes.");
}
