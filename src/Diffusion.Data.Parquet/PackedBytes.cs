namespace Diffusion.Data.Parquet;

/// <summary>
/// Takes numbers and lengths off a stream, as Thrift's compact protocol, Snappy and Zstandard write them, and never reads past an end.
/// </summary>
/// <param name="stream">Where to read from.</param>
/// <param name="end">Where reading ends.</param>
internal sealed class PackedBytes(Stream stream, long end)
{
    /// <summary>How many bytes a number of 32 bits takes at most.</summary>
    public const int Int32 = 5;

    /// <summary>How many bytes a number of 64 bits takes at most.</summary>
    public const int Int64 = 10;

    /// <summary>How many bytes are left.</summary>
    public long Left { get; private set; } = end - stream.Position;

    /// <summary>The next byte.</summary>
    public int Next()
    {
        Need(1);
        Left--;
        return stream.ReadByte();
    }

    /// <summary>A number of a fixed count of bytes, the lowest first.</summary>
    public ulong Fixed(int count)
    {
        ulong value = 0;
        for (int i = 0; i < count; i++)
        {
            value |= (ulong)Next() << (8 * i);
        }

        return value;
    }

    /// <summary>A number without a sign: seven bits in a byte, the lowest first.</summary>
    /// <param name="maxBytes">How many bytes it may take.</param>
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

    /// <summary>A number whose lowest bit is its sign.</summary>
    /// <param name="maxBytes">How many bytes it may take.</param>
    public long Signed(int maxBytes)
    {
        ulong value = Unsigned(maxBytes);
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>How many elements a list has, and of which type.</summary>
    public (long Count, int Type) List()
    {
        int head = Next();
        long count = head >> 4 == 15 ? (long)Unsigned(Int32) : head >> 4;
        Need(count); // every element takes a byte
        return (count, head & 15);
    }

    /// <summary>Steps over bytes.</summary>
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
            throw new InvalidDataException($"{count} bytes are needed where {Left} are left.");
        }
    }

    private static InvalidDataException TooLarge(int maxBytes) => new($"A number takes more than {maxBytes} bytes.");
}
