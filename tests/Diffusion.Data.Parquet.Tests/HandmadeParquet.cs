using System.Buffers.Binary;

namespace Diffusion.Data.Parquet.Tests;

/// <summary>
/// Writes a file with three rows per row group byte by byte, so that it can claim anything. By default all claims are true.
/// </summary>
internal sealed record HandmadeParquet
{
    private const int Rows = 3;

    /// <summary>The number of rows that each row group claims.</summary>
    public long[] GroupRows { get; init; } = [Rows];

    /// <summary>The number of rows that the footer claims; null for the sum of the row groups.</summary>
    public long? FooterRows { get; init; }

    /// <summary>The number of values that the image column claims in each row group; null for its rows.</summary>
    public long? ImageValues { get; init; }

    /// <summary>The number of values that the label column claims in each row group; null for its rows.</summary>
    public long? LabelValues { get; init; }

    /// <summary>The claimed offset of the image pages; null for the actual one.</summary>
    public long? ImagesAt { get; init; }

    /// <summary>The codec of the images: 0 for none, 1 for Snappy, 6 for Zstandard.</summary>
    public int Codec { get; init; }

    /// <summary>Creates the image pages from the three images; null for a single page.</summary>
    public byte[]? Pages { get; init; }

    /// <summary>Replaces the whole footer.</summary>
    public byte[]? Footer { get; init; }

    /// <summary>The claimed length of the footer; null for the actual one.</summary>
    public int? FooterLength { get; init; }

    /// <summary>The number of nested column groups next to the images.</summary>
    public int Nested { get; init; }

    /// <summary>The three images as PLAIN values.</summary>
    public static byte[] Images => [.. Enumerable.Range(0, Rows).SelectMany(row => Value(WrittenParquet.Png(row)))];

    /// <summary>Bytes preceded by their length.</summary>
    public static byte[] Value(byte[] bytes)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        return [.. length, .. bytes];
    }

    /// <summary>A page of values; type 2 for a dictionary.</summary>
    public static byte[] Page(byte[] content, long values = Rows, long? unpacked = null, long? packed = null, int type = 0,
        int encoding = 0) =>
    [
        .. new Thrift().Number(1, type).Number(2, unpacked ?? content.Length).Number(3, packed ?? content.Length)
            .Struct(type == 2 ? 7 : 5, new Thrift().Number(1, values).Number(2, encoding)).ToBytes(),
        .. content,
    ];

    public byte[] ToBytes()
    {
        List<byte> file = [.. "PAR1"u8];
        List<Thrift> groups = [];
        foreach (long rows in GroupRows)
        {
            long images = file.Count;
            file.AddRange(Pages ?? Page(Images));
            long labels = file.Count;
            file.AddRange(Page(new byte[Rows * sizeof(long)]));
            groups.Add(new Thrift().Structs(
                1, Column("image", 6, Codec, ImageValues ?? rows, ImagesAt ?? images), Column("label", 2, 0, LabelValues ?? rows, labels))
                    .Number(2, 0).Number(3, rows));
        }

        byte[] footer = Footer ?? Metadata(groups);
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, FooterLength ?? footer.Length);
        return [.. file, .. footer, .. length, .. "PAR1"u8];
    }

    private byte[] Metadata(List<Thrift> groups)
    {
        Thrift[] nested = [.. Enumerable.Range(0, Nested).Select(_ => new Thrift().Number(3, 0).Text(4, "n").Number(5, 1))];
        Thrift[] leaf = Nested > 0 ? [new Thrift().Number(1, 1).Number(3, 0).Text(4, "n")] : [];
        return new Thrift().Number(1, 1)
            .Structs(2,
            [
                new Thrift().Text(4, "root").Number(5, Nested > 0 ? 3 : 2), new Thrift().Number(1, 6).Number(3, 0).Text(4, "image"),
                new Thrift().Number(1, 2).Number(3, 0).Text(4, "label"), .. nested, .. leaf,
            ])
            .Number(3, FooterRows ?? GroupRows.Sum()).Structs(4, [.. groups]).ToBytes();
    }

    private static Thrift Column(string name, int type, int codec, long values, long offset) => new Thrift().Number(2, 0).Struct(
        3, new Thrift().Number(1, type).Numbers(2, 0).Texts(3, name).Number(4, codec).Number(5, values).Number(6, 0).Number(7, 0)
            .Number(9, offset));
}
