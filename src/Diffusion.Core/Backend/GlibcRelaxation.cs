using System.Buffers.Binary;
using System.Text;

namespace Diffusion;

/// <summary>
/// Makes one needed symbol version of an ELF library weak, so that an older C++ runtime loads it.
/// TorchSharp's native library needs <c>GLIBCXX_3.4.32</c> for one symbol (<c>std::ios_base_library_init</c>) that no relocation uses;
/// Debian 12, Ubuntu 22.04 and RHEL 9 have an older libstdc++ and refuse the whole library for it.
/// </summary>
internal static class GlibcRelaxation
{
    private const uint SectionGnuVersionNeeds = 0x6ffffffe; // SHT_GNU_verneed
    private const ushort WeakVersion = 2; // VER_FLG_WEAK

    /// <summary>Flags every need of <paramref name="version"/> as weak, in place.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An offset in the file points outside it.</exception>
    /// <returns>
    /// How many needs were changed; 0 if the file is not a complete little-endian 64-bit ELF file or does not need the version.
    /// </returns>
    public static int MakeWeak(Span<byte> elf, string version)
    {
        if (!ElfFile.IsElf64(elf))
        {
            return 0;
        }

        // Elf64_Ehdr: e_shoff at 0x28, e_shentsize at 0x3A, e_shnum at 0x3C.
        long sections = BinaryPrimitives.ReadInt64LittleEndian(elf[0x28..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3A..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3C..]);
        if (sections < 0 || sections > elf.Length - ((long)size * count))
        {
            return 0;
        }

        int changed = 0;
        for (int i = 0; i < count; i++)
        {
            Span<byte> section = elf[(int)(sections + ((long)i * size))..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) == SectionGnuVersionNeeds)
            {
                int needs = (int)BinaryPrimitives.ReadInt64LittleEndian(section[0x18..]);
                int names = NamesOffset(elf, sections, size, BinaryPrimitives.ReadInt32LittleEndian(section[0x28..]));
                changed += MakeWeakIn(elf, needs, names, version);
            }
        }

        return changed;
    }

    private static int NamesOffset(ReadOnlySpan<byte> elf, long sections, int size, int link) =>
        (int)BinaryPrimitives.ReadInt64LittleEndian(elf[(int)(sections + ((long)link * size) + 0x18)..]);

    private static int MakeWeakIn(Span<byte> elf, int needs, int names, string version)
    {
        int changed = 0;
        for (int need = needs; ;)
        {
            // Elf64_Verneed: vn_cnt at 2, vn_aux at 8, vn_next at 12.
            int entries = BinaryPrimitives.ReadUInt16LittleEndian(elf[(need + 2)..]);
            int entry = need + BinaryPrimitives.ReadInt32LittleEndian(elf[(need + 8)..]);
            for (int j = 0; j < entries; j++)
            {
                // Elf64_Vernaux: vna_flags at 4, vna_name at 8, vna_next at 12.
                int name = names + BinaryPrimitives.ReadInt32LittleEndian(elf[(entry + 8)..]);
                if (NameEquals(elf[name..], version))
                {
                    ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(elf[(entry + 4)..]);
                    BinaryPrimitives.WriteUInt16LittleEndian(elf[(entry + 4)..], (ushort)(flags | WeakVersion));
                    changed++;
                }

                entry += BinaryPrimitives.ReadInt32LittleEndian(elf[(entry + 12)..]);
            }

            int next = BinaryPrimitives.ReadInt32LittleEndian(elf[(need + 12)..]);
            if (next <= 0)
            {
                return changed;
            }

            need += next;
        }
    }

    private static bool NameEquals(ReadOnlySpan<byte> text, string version)
    {
        int end = text.IndexOf((byte)0);
        return end >= 0 && Encoding.ASCII.GetString(text[..end]) == version;
    }
}
