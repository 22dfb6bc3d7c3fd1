using System.Buffers.Binary;

namespace Diffusion;

/// <summary>
/// Detects truncated Linux libraries. The system's loader maps one, and the process crashes on its first access.
/// </summary>
internal static class ElfFile
{
    /// <summary>The bytes of the header of a 64-bit ELF file.</summary>
    public const int HeaderLength = 64; // Elf64_Ehdr

    /// <summary>Whether the 64-bit ELF file ends before its segments and tables; false for other files.</summary>
    public static bool IsCutShort(string path)
    {
        using FileStream file = File.OpenRead(path);
        Span<byte> header = stackalloc byte[HeaderLength];
        if (file.ReadAtLeast(header, HeaderLength, throwOnEndOfStream: false) < HeaderLength || !IsElf64(header))
        {
            return false;
        }

        // e_phoff, e_phentsize, e_phnum; e_shoff, e_shentsize, e_shnum.
        long segments = BinaryPrimitives.ReadInt64LittleEndian(header[0x20..]);
        int segmentSize = BinaryPrimitives.ReadUInt16LittleEndian(header[0x36..]);
        int segmentCount = BinaryPrimitives.ReadUInt16LittleEndian(header[0x38..]);
        long sections = BinaryPrimitives.ReadInt64LittleEndian(header[0x28..]);
        int sectionSize = BinaryPrimitives.ReadUInt16LittleEndian(header[0x3A..]);
        int sectionCount = BinaryPrimitives.ReadUInt16LittleEndian(header[0x3C..]);
        if (EndsBeyond(file, segments, (long)segmentSize * segmentCount) || EndsBeyond(file, sections, (long)sectionSize * sectionCount))
        {
            return true;
        }

        Span<byte> segment = stackalloc byte[56]; // Elf64_Phdr
        for (int i = 0; i < segmentCount; i++)
        {
            file.Position = segments + ((long)i * segmentSize);
            file.ReadExactly(segment);
            long offset = BinaryPrimitives.ReadInt64LittleEndian(segment[0x08..]); // p_offset
            long size = BinaryPrimitives.ReadInt64LittleEndian(segment[0x20..]); // p_filesz
            if (EndsBeyond(file, offset, size))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the bytes are the start of a little-endian 64-bit ELF file.</summary>
    public static bool IsElf64(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= HeaderLength && bytes[..4].SequenceEqual("\u007fELF"u8) && bytes[4] == 2 && bytes[5] == 1;

    // Offsets and sizes are unsigned: a negative one lies beyond any file.
    private static bool EndsBeyond(FileStream file, long offset, long size) => offset < 0 || size < 0 || offset > file.Length - size;
}
