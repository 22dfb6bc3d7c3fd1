using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Text;

namespace Diffusion;

/// <summary>Finds functions and variables of a Linux library, also those that the system's loader does not tell.</summary>
internal static unsafe class ElfSymbols
{
    private const int SectionLength = 64; // Elf64_Shdr
    private const int SymbolLength = 24; // Elf64_Sym
    private const int SymbolTable = 2; // SHT_SYMTAB

    /// <summary>Finds symbols by their names.</summary>
    /// <param name="path">A library that is not truncated (<see cref="ElfFile.IsCutShort"/>).</param>
    /// <param name="names">The names as the file has them.</param>
    /// <returns>
    /// For each name that was found the distance from the start of the loaded library and the size, in bytes. Empty if the library was
    /// stripped of its symbols, or is no 64-bit ELF file.
    /// </returns>
    public static Dictionary<string, (nint Place, long Size)> Find(string path, IReadOnlyList<string> names)
    {
        using MemoryMappedFile file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, 0, MemoryMappedFileAccess.Read);
        using MemoryMappedViewAccessor view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            return Find(start, names);
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    private static Dictionary<string, (nint Place, long Size)> Find(byte* file, IReadOnlyList<string> names)
    {
        Dictionary<string, (nint Place, long Size)> found = new(StringComparer.Ordinal);
        ReadOnlySpan<byte> header = new(file, ElfFile.HeaderLength);
        if (!ElfFile.IsElf64(header))
        {
            return found;
        }

        byte* sections = file + BinaryPrimitives.ReadInt64LittleEndian(header[0x28..]); // e_shoff
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[0x3C..]); // e_shnum
        byte[][] searched = [.. names.Select(name => Encoding.ASCII.GetBytes(name + '\0'))];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> section = new(sections + (i * SectionLength), SectionLength);
            if (BinaryPrimitives.ReadInt32LittleEndian(section[0x04..]) == SymbolTable) // sh_type
            {
                int texts = BinaryPrimitives.ReadInt32LittleEndian(section[0x28..]); // sh_link: the section of the names
                ReadOnlySpan<byte> content = Content(file, section);
                Add(found, content, Content(file, new(sections + (texts * SectionLength), SectionLength)), names, searched);
            }
        }

        return found;
    }

    private static void Add(Dictionary<string, (nint Place, long Size)> found, ReadOnlySpan<byte> symbols, ReadOnlySpan<byte> texts,
        IReadOnlyList<string> names, byte[][] searched)
    {
        for (; symbols.Length >= SymbolLength; symbols = symbols[SymbolLength..])
        {
            long place = BinaryPrimitives.ReadInt64LittleEndian(symbols[0x08..]); // st_value; 0 for what other libraries have
            if (place == 0)
            {
                continue;
            }

            ReadOnlySpan<byte> text = texts[BinaryPrimitives.ReadInt32LittleEndian(symbols)..]; // st_name
            for (int i = 0; i < searched.Length; i++)
            {
                if (text.StartsWith(searched[i]))
                {
                    found[names[i]] = ((nint)place, BinaryPrimitives.ReadInt64LittleEndian(symbols[0x10..])); // st_size
                }
            }
        }
    }

    // sh_offset, sh_size
    private static ReadOnlySpan<byte> Content(byte* file, ReadOnlySpan<byte> section) => new(
        file + BinaryPrimitives.ReadInt64LittleEndian(section[0x18..]), (int)BinaryPrimitives.ReadInt64LittleEndian(section[0x20..]));
}
