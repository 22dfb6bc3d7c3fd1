namespace Diffusion.Data.Parquet;

/// <summary>Determines the memory for decompression from the headers of Zstandard frames and blocks (RFC 8878, section 3.1.1).</summary>
internal static class ZstdFrames
{
    private const ulong Mark = 0xFD2FB528;
    private const ulong MaxBlock = 128 << 10;

    /// <summary>The decompressed size.</summary>
    /// <param name="bytes">The frames, to the end of the data.</param>
    /// <returns>The size in bytes, and whether it is declared in the frames or only an upper limit.</returns>
    /// <exception cref="InvalidDataException">A frame is incomplete.</exception>
    public static (ulong Bytes, bool IsExact) Size(PackedBytes bytes)
    {
        ulong size = 0;
        bool exact = true;
        while (bytes.Left > 0)
        {
            (ulong frame, bool told) = Frame(bytes);
            size = checked(size + frame);
            exact &= told;
        }

        return (size, exact);
    }

    private static (ulong Bytes, bool IsExact) Frame(PackedBytes bytes)
    {
        if (bytes.Fixed(4) is var mark && mark != Mark)
        {
            throw new InvalidDataException(
                $"A page is not a Zstandard frame: it begins with 0x{mark:X8}, but must begin with 0x{Mark:X8}.");
        }

        int head = bytes.Next();
        bool single = (head & 0x20) != 0;
        int window = single ? 0 : bytes.Next();
        bytes.Skip((head & 3) switch { 3 => 4, int dictionary => dictionary });
        int sizeBytes = (head >> 6) switch { 0 => single ? 1 : 0, int exponent => 1 << exponent };
        ulong told = bytes.Fixed(sizeBytes) + (sizeBytes == 2 ? 256UL : 0);
        ulong blocks = Blocks(bytes);
        bytes.Skip((head & 4) == 0 ? 0 : 4); // checksum
        ulong windowSize = (8UL + ((ulong)window & 7)) << (7 + (window >> 3));
        return sizeBytes > 0 ? (told, true) : (blocks * Math.Min(windowSize, MaxBlock), false);
    }

    private static ulong Blocks(PackedBytes bytes)
    {
        ulong count = 0;
        bool last = false;
        while (!last)
        {
            ulong head = bytes.Fixed(3);
            last = (head & 1) != 0;
            bytes.Skip((head >> 1 & 3) == 1 ? 1 : (long)(head >> 3)); // 1: a single repeated byte
            count++;
        }

        return count;
    }
}
