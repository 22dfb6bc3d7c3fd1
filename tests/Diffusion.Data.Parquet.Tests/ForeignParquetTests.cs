namespace Diffusion.Data.Parquet.Tests;

public sealed class ForeignParquetTests
{
    private const int Rows = 12;

    public static TheoryData<string> Readable => [.. Files().Where(name => !name.StartsWith("refused", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Readable))]
    public void All_pixels_labels_names_and_paths_of_files_of_other_writers_are_read(string name)
    {
        string file = PathOf(name);
        using ParquetImages images = ParquetImages.Open(file, 8);

        (images.Count, images.ClassCount).Should().Be((Rows, 2));
        images.GroupSizes.Should().Equal(name.Contains("groups", StringComparison.Ordinal) ? [5, 5, 2] : [Rows]);
        images.ClassNames.Should().Equal(name.StartsWith("polars", StringComparison.Ordinal) ? [] : ["a", "b"]);
        byte[] pixels = new byte[images.Shape.Elements];
        for (int i = 0; i < Rows; i++)
        {
            images.LabelOf(i).Should().Be(i % 2);
            bool missing = i == 5 && !name.Contains("required", StringComparison.Ordinal);
            string row = name.Contains("groups", StringComparison.Ordinal)
                ? $"{file}, row group {i / 5}, row {i % 5}"
                : $"{file}, row group 0, row {i}";
            string called = missing || i % 3 == 0 ? row : $"{row} (path {i}.png)";
            images.NameOf(i).Should().Be(called);
            if (missing)
            {
                ((Action)(() => images.Read(i, pixels))).Should().Throw<ImageDataException>().WithMessage($"{called}: its image is null.");
                continue;
            }

            images.Read(i, pixels, cancellationToken: TestContext.Current.CancellationToken);
            pixels.Should().Equal(Drawn(name.Contains("dictionary", StringComparison.Ordinal) ? i % 3 : i), $"image {i} is of {name}");
        }
    }

    [Theory]
    [InlineData("refused-lz4.parquet", "column image/bytes. It is compressed with LZ4, which is not supported. Use SNAPPY, ZSTD")]
    [InlineData("refused-delta.parquet",
        "column image/bytes. Its values have the encoding DELTA_BYTE_ARRAY, but only PLAIN and dictionaries are supported")]
    public void Unsupported_features_are_an_error_at_opening(string name, string reason)
    {
        string file = PathOf(name);
        ((Action)(() => ParquetImages.Open(file, 8))).Should().Throw<ImageDataException>()
            .Which.Message.Should().StartWith($"{file}: its row group 0 cannot be read, {reason}").And.NotContain("Download it again");
    }

    /// <summary>The files of other writers.</summary>
    internal static IEnumerable<string> Files() =>
        Directory.GetFiles(Path.GetDirectoryName(PathOf("x"))!, "*.parquet").Select(file => Path.GetFileName(file))
            .Order(StringComparer.Ordinal);

    /// <summary>The path of a file.</summary>
    internal static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", name);

    // As in Fixtures/write.mjs.
    private static IEnumerable<byte> Drawn(int image) =>
        from y in Enumerable.Range(0, 8)
        from x in Enumerable.Range(0, 8)
        from value in new[] { (37 * image) + (8 * x), image + (16 * y), (5 * image) + (x * y) }
        select (byte)value;
}
