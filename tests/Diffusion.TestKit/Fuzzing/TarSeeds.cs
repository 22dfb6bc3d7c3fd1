using System.Formats.Tar;
using System.Text;
using Diffusion.Data;
using Diffusion.Training;
using WrittenEntry = System.Formats.Tar.TarEntry;

namespace Diffusion.TestKit.Fuzzing;

/// <summary>Valid archives of 2 to 5 KiB in the three formats, and parts that reach edge cases of a reader.</summary>
internal static class TarSeeds
{
    private static readonly string LongName = string.Concat(Enumerable.Repeat("folder-of-a-name/", 9));

    /// <summary>The archives.</summary>
    public static byte[][] Archives { get; } =
    [
        Archive(TarEntryFormat.Ustar, ("a.jpg", "picture"), ("a.cls", "12")),
        Archive(TarEntryFormat.Ustar, ("a.jpg", "picture"), ("b.jpg", ""), ("b.json", "{\"label\": 3, \"caption\": \"a dog\"}")),
        Archive(TarEntryFormat.Ustar, ("folder/", ""), ("folder/a.png", "x"), ("__hidden__/a.png", ""), ("folder/a.cls", "0\n")),
        Archive(TarEntryFormat.Gnu, (LongName + "a.jpg", "picture")),
        Archive(TarEntryFormat.Gnu, ("a.jpg", "picture"), ("a.cls", "7"), ("b.seg.png", "1")),
        Archive(TarEntryFormat.Pax, (LongName + "a.jpg", "picture"), ("b.cls", "1")),
        Archive(TarEntryFormat.Pax, ("schön.jpg", "picture")),
        Archive(TarEntryFormat.V7, ("a.jpg", "picture"), ("a.txt", "words")),
    ];

    /// <summary>Contents of blocks: labels, JSON, and PAX records with their lengths right and wrong.</summary>
    public static byte[][] Blocks { get; } =
    [
        .. ((string[])
        [
            "12\n", "-1", "99999999999", "1e3", "{", "{\"label\": 1e99}", "{\"label\": \"x\"}", "{\"cls\": 2147483647}", "[[[[[[[[",
                "{\"l\\uD800bel\": 1}",
            "{\"label\": 4, \"label\": 5}", new string('[', 400), "14 path=b.jpg\n", "12 path=.jpg\n", "20 size=99999999999\n",
                "11 size=-1\n", "10 size=7\n",
            "9 size=x\n", "22 GNU.sparse.major=1\n", "9999 path=b\n", "0 path=b\n", "-3 path=b\n", "7 path\n", "11 =======\n", "4 x\n",
                "5  =\n", "path=b\n",
            "14 path=b/.jpg\n14 path=c.jpg\n",
        ]).Select(text => Encoding.UTF8.GetBytes(text[0] is '{' ? text.PadRight(64) : text)),
    ];

    /// <summary>Contents of a size field of 12 bytes.</summary>
    public static byte[][] Sizes { get; } =
    [
        "77777777777\0"u8.ToArray(), "777777777777"u8.ToArray(), "20000000000\0"u8.ToArray(), "00000000000\0"u8.ToArray(),
            "00000000001\0"u8.ToArray(),
        "00000001000\0"u8.ToArray(), "00000000777 "u8.ToArray(),
        "       12 \0\0"u8.ToArray(), "            "u8.ToArray(), new byte[12], "-0000000001\0"u8.ToArray(), "0000000008 \0"u8.ToArray(),
        [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0], [0x80, 0, 0, 0, 0x7F, 255, 255, 255, 255, 255, 255, 255],
        [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0],
        [0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
        [0x80, 0, 0, 0, 0x7F, 255, 255, 255, 255, 255, 254, 1],
        [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1], [0x80, 0, 0, 0, 0, 0, 0, 0, 0x7F, 255, 255, 255],
    ];

    /// <summary>Corrects the checksum of a header.</summary>
    public static void Seal(Span<byte> header)
    {
        header.Slice(148, 8).Fill((byte)' ');
        int sum = 0;
        foreach (byte value in header)
        {
            sum += value;
        }

        for (int digit = 5; digit >= 0; digit--, sum /= 8)
        {
            header[148 + digit] = (byte)('0' + (sum % 8));
        }

        header[154] = 0;
    }

    private static byte[] Archive(TarEntryFormat format, params (string Name, string Text)[] files)
    {
        using MemoryStream stream = new();
        using (TarWriter writer = new(stream, format, leaveOpen: true))
        {
            foreach ((string name, string text) in files)
            {
                WrittenEntry entry = Entry(format, name);
                entry.ModificationTime = DateTimeOffset.UnixEpoch;
                if (!name.EndsWith('/'))
                {
                    entry.DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text));
                }

                writer.WriteEntry(entry);
            }
        }

        return WithoutProcess(stream.ToArray());
    }

    // .NET writes the process id into the names of extended headers, which nobody uses.
    private static byte[] WithoutProcess(byte[] archive)
    {
        for (int place = 0; place < archive.Length; place += TarHeader.Size)
        {
            Span<byte> header = archive.AsSpan(place, TarHeader.Size);
            if (header.StartsWith("./PaxHeaders."u8))
            {
                header[..100].Clear();
                "./PaxHeaders"u8.CopyTo(header);
                Seal(header);
            }
        }

        return archive;
    }

    private static WrittenEntry Entry(TarEntryFormat format, string name)
    {
        TarEntryType type = name.EndsWith('/') ? TarEntryType.Directory : TarEntryType.RegularFile;
        return format switch
        {
            TarEntryFormat.V7 => new V7TarEntry(type == TarEntryType.RegularFile ? TarEntryType.V7RegularFile : type, name),
            TarEntryFormat.Pax => new PaxTarEntry(type, name),
            TarEntryFormat.Gnu => new GnuTarEntry(type, name),
            _ => new UstarTarEntry(type, name),
        };
    }
}
