using System.Buffers.Binary;

namespace Diffusion.Data;

/// <summary>One header block of a tar archive.</summary>
/// <param name="Name">The path that the block itself holds.</param>
/// <param name="Length">The bytes that the entry claims.</param>
/// <param name="Type">The type flag.</param>
/// <param name="Target">The path that a link points at.</param>
internal readonly record struct TarHeader(string Name, long Length, char Type, string Target)
{
    /// <summary>Every block has 512 bytes.</summary>
    public const int Size = 512;

    private const int ChecksumAt = 148;
    private const int ChecksumLength = 8;

    /// <summary>Reads a block; false for the end mark, and, with a problem, for a damaged one.</summary>
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
            problem = $"the checksum of a header is wrong: {checksum} is written, {sum} is right. The archive is damaged, or is no tar.";
            return false;
        }

        if (!TryNumber(block.Slice(124, 12), out long length))
        {
            problem = "a header holds no size that can be read.";
            return false;
        }

        // POSIX keeps the first part of a long path apart; GNU uses that place otherwise.
        string name = TarText.Decode(block[..100]);
        bool posix = block.Slice(257, 6).SequenceEqual("ustar\0"u8);
        string prefix = posix ? TarText.Decode(block.Slice(345, 155)) : string.Empty;
        header = new TarHeader(prefix.Length > 0
            ? $"{prefix}/{name}"
            : name, length, (char)block[156], TarText.Decode(block.Slice(157, 100)));
        return true;
    }

    // Octal digits between spaces and zeros, or GNU's binary numbers, which begin with 0x80.
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
