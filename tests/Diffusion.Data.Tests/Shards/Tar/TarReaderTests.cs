using System.Formats.Tar;
using System.Text;
using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class TarReaderTests
{
    [Theory]
    [InlineData("ustar", 90)]
    [InlineData("ustar", 180)]
    [InlineData("gnu", 90)]
    [InlineData("gnu", 180)]
    [InlineData("gnu", 1000)]
    [InlineData("pax", 90)]
    [InlineData("pax", 180)]
    [InlineData("pax", 1000)]
    public void Archives_of_GNU_tar_are_read(string format, int nameLength)
    {
        using TemporaryFolder folder = new();
        string[] names = [.. Enumerable.Range(0, 3).Select(i => LongPath(nameLength, i))];
        foreach ((int i, string name) in names.Index())
        {
            string path = folder.File(["in", .. name.Split('/')]);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)i, 700 * i)]);
        }

        File.CreateSymbolicLink(folder.File("in", "link.jpg"), "nowhere");
        GnuTar.Run(folder.Path,
            ["--create", $"--format={format}", "--file=out.tar", "--directory=in", "--sort=name",
                .. Directory.GetFileSystemEntries(folder.File("in")).Select(Path.GetFileName)!]);
        using FileStream stream = File.OpenRead(folder.File("out.tar"));
        List<TarEntry> files = [.. Entries(stream).Where(entry => entry.Kind == TarKind.File)];
        files.Select(entry => entry.Name).Should().BeEquivalentTo(names);
        foreach (TarEntry entry in files)
        {
            int number = Array.IndexOf(names, entry.Name);
            Bytes(stream, entry).Should().Equal(Enumerable.Repeat((byte)number, 700 * number));
        }
    }

    [Fact]
    public void Archives_of_the_framework_are_read_in_every_format()
    {
        foreach (TarEntryFormat format in (TarEntryFormat[])[TarEntryFormat.V7, TarEntryFormat.Ustar, TarEntryFormat.Pax,
            TarEntryFormat.Gnu])
        {
            byte[] archive = Archive(format, ("a/b.jpg", [1, 2, 3]), ("c.txt", []));
            Entries(new MemoryStream(archive)).Select(entry => (entry.Name, entry.Size, entry.Kind == TarKind.File)).Should()
                .Equal(("a/b.jpg", 3, true), ("c.txt", 0, true));
        }
    }

    [Fact]
    public void Binary_sizes_are_read()
    {
        byte[] archive = Archive(TarEntryFormat.Ustar, ("a.jpg", [1, 2, 3]));
        archive.AsSpan(124, 12).Clear();
        archive[124] = 0x80;
        archive[135] = 3;
        Seal(archive);
        Entries(new MemoryStream(archive)).Should().ContainSingle().Which.Size.Should().Be(3);
    }

    [Fact]
    public void A_truncated_archive_is_an_error_with_its_position()
    {
        byte[] archive = Archive(TarEntryFormat.Pax, ("a.jpg", new byte[1000]), ("b.jpg", [.. Enumerable.Repeat((byte)7, 600)]));
        int end = archive.AsSpan().LastIndexOfAnyExcept((byte)0) / 512 * 512 + 512;
        for (int length = 0; length < end; length += length % 512 is 0 or 511 ? 1 : 511 - (length % 512))
        {
            Failure(archive[..length]).Message.Should().MatchRegex("^shard: at byte [0-9]+: .*(truncated|empty)");
        }

        Failure(archive[..end]).Message.Should().Contain("no end marker");
        Entries(new MemoryStream(archive[..(end + 512)])).Should().HaveCount(2);
    }

    [Fact]
    public void Every_flipped_bit_of_a_header_is_detected()
    {
        byte[] archive = Archive(TarEntryFormat.Ustar, ("a.jpg", [1, 2, 3]));
        for (int bit = 0; bit < 512 * 8; bit++)
        {
            byte[] damaged = [.. archive];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            if (bit / 8 is >= 148 and < 156 && Number(damaged) == Number(archive))
            {
                continue; // A space for a zero around the checksum says the same.
            }

            Failure(damaged).Message.Should().Contain("at byte 0: a header has the checksum");
        }
    }

    [Theory]
    [InlineData('0', "claims 2147483648 bytes")]
    [InlineData('x', "more than the maximum of 65536")]
    [InlineData('L', "more than the maximum of 65536")]
    [InlineData('g', "more than the maximum of 65536")]
    [InlineData('S', "sparse")]
    public void A_small_file_that_claims_two_gigabytes_is_rejected_without_allocation(char type, string message)
    {
        byte[] archive = Archive(TarEntryFormat.Ustar, ("a.jpg", [1, 2, 3]));
        "20000000000\0"u8.CopyTo(archive.AsSpan(124));
        archive[156] = (byte)type;
        Seal(archive);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ImageDataException refused = Failure(archive);
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(200_000);
        refused.Message.Should().Contain(message);
    }

    [Fact]
    public void Invalid_numbers_and_records_are_rejected()
    {
        byte[] size = Archive(TarEntryFormat.Ustar, ("a.jpg", [1, 2, 3]));
        "00000000009\0"u8.CopyTo(size.AsSpan(124));
        Seal(size);
        Failure(size).Message.Should().Contain("an invalid size");

        foreach (string records in (string[])["99 path=x\n", "5 a=b\n", "x path=a\n", "9 size=-1\n", "10 size=1e\n", " 9 path=x\n",
            "0 path=a\n", "999999999999 path=a\n"])
        {
            byte[] text = Encoding.ASCII.GetBytes(records);
            byte[] archive = [.. Header("pax", text.Length, 'x'), .. text, .. new byte[512 - text.Length], .. Header("a.jpg", 0, '0'),
                .. new byte[1024]];
            Failure(archive).Message.Should().MatchRegex("not a list of PAX records|has the invalid size");
        }

        Failure([.. Header("pax", 0, 'x'), .. new byte[1024]]).Message.Should().Contain("its entry is missing");
        Failure([.. Enumerable.Repeat((byte)'x', 5000)]).Message.Should().Contain("is not a tar");
        byte[] longName = [.. Header("@LongLink", 5000, 'L'), .. Enumerable.Repeat((byte)'n', 5000), .. new byte[120],
            .. Header("a.jpg", 0, '0'), .. new byte[1024]];
        Failure(longName).Message.Should().Contain("more than 4096 bytes");
    }

    internal static byte[] Archive(TarEntryFormat format, params (string Name, byte[] Bytes)[] files)
    {
        using MemoryStream stream = new();
        using (TarWriter writer = new(stream, format, leaveOpen: true))
        {
            foreach ((string name, byte[] bytes) in files)
            {
                System.Formats.Tar.TarEntry entry = format switch
                {
                    TarEntryFormat.V7 => new V7TarEntry(TarEntryType.V7RegularFile, name),
                    TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, name),
                    TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, name),
                    _ => new UstarTarEntry(TarEntryType.RegularFile, name),
                };
                entry.DataStream = new MemoryStream(bytes);
                writer.WriteEntry(entry);
            }
        }

        return stream.ToArray();
    }

    internal static void Seal(Span<byte> header)
    {
        header.Slice(148, 8).Fill((byte)' ');
        int sum = 0;
        foreach (byte value in header[..512])
        {
            sum += value;
        }

        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..]);
    }

    private static byte[] Header(string name, int size, char type)
    {
        byte[] header = new byte[512];
        Encoding.ASCII.GetBytes(name).CopyTo(header, 0);
        Encoding.ASCII.GetBytes(Convert.ToString(size, 8).PadLeft(11, '0')).CopyTo(header, 124);
        header[156] = (byte)type;
        "ustar\0"u8.CopyTo(header.AsSpan(257));
        Seal(header);
        return header;
    }

    private static string LongPath(int length, int number)
    {
        string file = $"picture{number}.jpg";
        string folders = string.Concat(Enumerable.Repeat("folder-of-some-name/", (length - file.Length) / 20));
        return folders + file;
    }

    private static string Number(byte[] header) => Encoding.Latin1.GetString(header, 148, 8).Trim(' ', '\0').TrimStart('0', ' ');

    private static List<TarEntry> Entries(Stream stream)
    {
        TarReader reader = new(stream, "shard");
        List<TarEntry> entries = [];
        while (reader.TryReadNext(out TarEntry entry))
        {
            entries.Add(entry);
        }

        return entries;
    }

    private static byte[] Bytes(FileStream stream, TarEntry entry)
    {
        byte[] bytes = new byte[entry.Size];
        stream.Position = entry.Offset;
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static ImageDataException Failure(byte[] archive) =>
        Assert.Throws<ImageDataException>(() => Entries(new MemoryStream(archive)));
}
