using System.Buffers.Binary;

namespace Diffusion.Data;

/// <summary>One header block of a tar archive.</summary>
/// <param name="Name">The path in the block itself.</param>
/// <param name="Length">The declared size of the entry, in bytes.</param>
/// <param name="Type">The type flag.</param>
/// <param name="Target">The target of a link.</param>
internal readonly record struct TarHeader(string Name, long Length, char Type, string Target)
{
    /// <summary>The size of a block: 512 bytes.</summary>
    public const int Size = 512;

    private const int ChecksumAt = 148;
    private const int ChecksumLength = 8;

    /// <summary>Parses a block; false for the end marker and, with a problem, for a damaged block.</summary>
    public static bool TryParse(ReadOnlySpan<byte> block, out TarHeader header, out string? problem)
    {
        header = default;
        problem = null;
        if (!block.ContainsAnyExcept((byte)0))
        {
            return false;
        }

        long sum = ChecksumLength * ' ';
        for (int i = 0; i < Size; i++)
        {
            sum += i is >= ChecksumAt and < ChecksumAt + ChecksumLength ? 0 : block[i];
        }

        if (!TryNumber(block.Slice(ChecksumAt, ChecksumLength), out long checksum) || checksum != sum)
        {
            problem = $"a header has the checksum {checksum}, but its content has {sum}. The archive is damaged, or is not a tar file.";
            return false;
        }

        if (!TryNumber(block.Slice(124, 12), out long length))
        {
            problem = "a header has an invalid size.";
            return false;
        }

        // POSIX stores the first part of a long path in a separate field, which GNU uses for other data.
        string name = TarText.Decode(block[..100]);
        bool posix = block.Slice(257, 6).SequenceEqual("ustar\0"u8);
        string prefix = posix ? TarText.Decode(block.Slice(345, 155)) : string.Empty;
        header = new TarHeader(prefix.Length > 0
            ? $"{prefix}/{name}"
            : name, length, (char)block[156], TarText.Decode(block.Slice(157, 100)));
        return true;
    }

    // Octal digits padded with spaces or zeros, or GNU's binary numbers, which begin with 0x80.
    private static bool TryNumber(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if (field[0] == 0x80)
        {
            value = BinaryPrimitives.ReadInt64BigEndian(field[^8..]);
            return value >= 0 && !field[1..^8].ContainsAnyExcept((byte)0);
        }

        ReadOnlySpan<byte> digits = field.Trim(" \0"u8);
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                return false;
            }

            value = (value * 8) + (digit - '0');
        }

        return digits.Length > 0;
    }
}
