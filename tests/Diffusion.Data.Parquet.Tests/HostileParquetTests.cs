using System.Buffers;
using Diffusion.TestKit;

namespace Diffusion.Data.Parquet.Tests;

/// <summary>Files with false claims, written byte by byte.</summary>
public sealed class HostileParquetTests : IDisposable
{
    private const long LittleMemory = 32L << 20;

    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Claims => [.. Hostile.Keys];

    private static Dictionary<string, (HandmadeParquet File, string Reason)> Hostile => new(StringComparer.Ordinal)
    {
        ["rows below none"] = (new() { GroupRows = [-1] }, "row group 0 claims -1 rows"),
        ["rows without end"] = (new() { GroupRows = [long.MaxValue] },
            "row group 0 claims 9223372036854775807 rows after 0 others, but a file of * has at most 1048576"),
        ["rows of gigabytes"] = (new() { GroupRows = [500_000_000] }, "row group 0 claims 500000000 rows"),
        ["rows that add up"] = (new() { GroupRows = [3, 1_048_576] }, "row group 1 claims 1048576 rows after 3 others"),
        ["other rows than its groups"] = (new() { FooterRows = 5 }, "it claims 5 rows, but its 1 row groups have 3"),
        ["fewer labels than rows"] = (new() { LabelValues = 2 },
            "row group 0 is damaged, column label. It has 2 values, but the row group has 3 rows"),
        ["more images than rows"] = (new() { ImageValues = 1L << 40 },
            "row group 0 is damaged, column image. It has 1099511627776 values, but the row group has 3 rows"),
        ["fewer values than rows"] = (new() { GroupRows = [3, 4] }, "row group 1 is damaged, column label."),
        ["more values than rows"] = (new() { Pages = HandmadeParquet.Page(HandmadeParquet.Images, values: int.MaxValue) },
            "row group 0 is damaged, column image. A page claims"),
        ["a page of gigabytes"] = (new() { Codec = 2, Pages = HandmadeParquet.Page(HandmadeParquet.Images, unpacked: int.MaxValue) },
            "Its pages decompress to 0 and 2147483647 bytes, but at most 67108864"),
        ["a page longer than it is"] = (new() { Pages = HandmadeParquet.Page(HandmadeParquet.Images, unpacked: 5000) },
            "but claims 5000"),
        ["a page past the end"] = (new() { Pages = HandmadeParquet.Page(HandmadeParquet.Images, packed: 1 << 30) },
            "A page claims 1073741824 bytes"),
        ["a page of less than nothing"] = (new() { Pages = HandmadeParquet.Page([], values: 0, packed: -9) }, "A page claims -9 bytes"),
        ["snappy of gigabytes"] = (new() { Codec = 1, Pages = HandmadeParquet.Page([0xF0, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0], unpacked: 500) },
            "A page decompresses to 4294967280 bytes"),
        ["zstandard of gigabytes"] = (new() { Codec = 6,
            Pages = HandmadeParquet.Page([0x28, 0xB5, 0x2F, 0xFD, 0xA0, 0, 0, 0, 0x7F, 1, 0, 0], unpacked: 500) },
                "A page decompresses to 2130706432 bytes"),
        ["zstandard of many pages"] = (new() { Codec = 6,
            Pages = [.. Enumerable.Repeat(HandmadeParquet.Page(ZstdOfBlocks(1), values: 0, unpacked: 0), 600).SelectMany(page => page)] },
                "Its pages decompress to 67108864 and 131072 bytes"),
        ["zstandard of many blocks"] = (new() { Codec = 6, Pages = HandmadeParquet.Page(ZstdOfBlocks(4000), unpacked: 500) },
            "Its pages decompress to 0 and 524288000 bytes, but at most 67108864"),
        ["a dictionary of gigabytes"] = (new() { Pages = HandmadeParquet.Page(HandmadeParquet.Images, values: 1 << 30, type: 2) },
            "A page claims"),
        ["an encoding that it does not announce"] = (new() { Pages = HandmadeParquet.Page(HandmadeParquet.Images, encoding: 7) },
            "A page has the encoding DELTA_BYTE_ARRAY"),
        ["a footer longer than the file"] = (new() { FooterLength = int.MaxValue }, "Its footer claims 2147483647 bytes"),
        ["a footer of less than nothing"] = (new() { FooterLength = -5 }, "Its footer claims -5 bytes"),
        ["columns without end"] = (new() { Footer = new Thrift().Number(1, 1).ListOf(2, uint.MaxValue, 12).ToBytes() },
            "4294967295 bytes are needed"),
        ["a number without end"] = (new() { Footer = new Thrift().Number(1, 1).Raw(0x26, 0x80, 0x80).ToBytes()[..^1] },
            "1 bytes are needed, but only 0 are left"),
        ["numbers for text"] = (new() { Footer = new Thrift().Number(1, 1).Number(2, 7).ToBytes() },
            "Field 2 of a FileMetaData is of type 6"),
        ["lists in lists"] = (new() { Footer = new Thrift().Number(1, 1).ListOf(99, 1, 9).Raw([.. Enumerable.Repeat((byte)0x19, 200_000)])
            .ToBytes() }, "Field 99 of a FileMetaData is of type 9"),
        ["columns in columns"] = (new() { Nested = 50_000 },
            "the file cannot be read. It has 50004 columns in 50001 groups, but at most 65536 in 1000 are supported"),
    };

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_handmade_file_with_true_claims_is_read()
    {
        string file = Write(new HandmadeParquet { GroupRows = [3, 3], Nested = 900 });
        using ParquetImages images = ParquetImages.Open(file, 4);
        byte[] pixels = new byte[images.Shape.Elements];
        for (int i = 0; i < 6; i++)
        {
            images.Read(i, pixels, cancellationToken: TestContext.Current.CancellationToken);
            pixels.Should().OnlyContain(value => value == i % 3);
        }
    }

    [Theory]
    [MemberData(nameof(Claims))]
    public void False_claims_are_rejected_without_allocation(string claims) => Refuse(Hostile[claims].File, Hostile[claims].Reason);

    // Beyond the end, Thrift would wait for a number forever.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(10)]
    [InlineData(200_000)]
    public void Pages_at_impossible_offsets_are_rejected(int fromEnd)
    {
        int length = new HandmadeParquet { ImagesAt = 500 }.ToBytes().Length;
        HandmadeParquet hostile = new() { ImagesAt = length - fromEnd };
        Refuse(hostile, "row group 0 is damaged, column image.");
    }

    [Fact]
    public void Endless_reading_of_a_file_ends_after_a_bounded_number_of_bytes()
    {
        string path = folder.File("a.bin");
        File.WriteAllBytes(path, new byte[5000]);
        using FileStream file = File.OpenRead(path);
        using CheckedStream stream = new(file);
        byte[] buffer = new byte[1000];
        long read = 0;
        FluentActions.Invoking(() =>
        {
            for (; ; stream.Position = 0)
            {
                read += stream.Read(buffer);
            }
        }).Should().Throw<InvalidDataException>().WithMessage("*5000 bytes are read more than 16 times*");
        read.Should().BeInRange(16 * 5000, (1 << 20) + (16 * 5000));

        using CheckedStream again = new(file);
        again.Position = 0;
        int bytes = 0;
        FluentActions.Invoking(() =>
        {
            for (; ; bytes++, again.Position = 0)
            {
                again.ReadByte();
            }
        }).Should().Throw<InvalidDataException>();
        bytes.Should().BeInRange(16 * 5000, (1 << 20) + (16 * 5000));
    }

    [Fact]
    public void Rows_with_the_same_image_share_its_memory()
    {
        const int Rows = 100_000;
        byte[] image = new byte[1 << 20];
        byte[] dictionary = HandmadeParquet.Page(HandmadeParquet.Value(image), values: 1, type: 2);
        byte[] indices = HandmadeParquet.Page([0], values: Rows, encoding: 8);
        string path = Write(new HandmadeParquet { GroupRows = [Rows], Pages = [.. dictionary, .. indices] });
        using ParquetImageFiles files = ParquetImageFiles.Open("the test", [path], new ParquetImageOptions { LabelColumn = null });
        foreach (long index in new[] { 0, Rows / 2, Rows - 1 })
        {
            ArrayBufferWriter<byte> bytes = new();
            files.Read(index, bytes, TestContext.Current.CancellationToken);
            bytes.WrittenCount.Should().Be(image.Length);
        }

        files.Cache.Held.Should().Be(image.Length);
    }

    [Fact]
    public void An_image_file_over_the_limit_is_a_bad_image()
    {
        byte[] large = GC.AllocateUninitializedArray<byte>((1 << 30) + 1);
        ((Action)(() => ParquetImageFiles.Usable(large, "a, row group 0, row 3"))).Should().Throw<ImageDataException>()
            .WithMessage("a, row group 0, row 3: the image has 1073741825 bytes, more than the maximum of 1073741824 for an image file.");
        ParquetImageFiles.Usable(new byte[7], "a").Should().HaveCount(7);
    }

    private void Refuse(HandmadeParquet hostile, string reason)
    {
        string file = Write(hostile);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        Action read = () =>
        {
            using ParquetImages images = ParquetImages.Open(file, 4);
            images.Read(0, new byte[images.Shape.Elements]);
        };
        read.Should().Throw<ImageDataException>().WithMessage($"{file}*{reason}*");
        (GC.GetTotalAllocatedBytes(precise: true) - before).Should().BeLessThan(LittleMemory);
    }

    // A frame without a declared size, with blocks that repeat a byte 128 Ki times.
    private static byte[] ZstdOfBlocks(int count) =>
        [0x28, 0xB5, 0x2F, 0xFD, 0, 0x58, .. Enumerable.Range(0, count)
            .SelectMany(i => new byte[] { (byte)(i == count - 1 ? 3 : 2), 0, 0x10, 0 })];

    private string Write(HandmadeParquet parquet)
    {
        string file = folder.File("handmade.parquet");
        File.WriteAllBytes(file, parquet.ToBytes());
        return file;
    }
}
