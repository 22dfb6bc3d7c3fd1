using Diffusion.Data;
using Diffusion.TestKit;
using Diffusion.Training;
using Parquet;

namespace Diffusion.Data.Parquet.Tests;

public sealed class ParquetImagesTests : IDisposable
{
    private const string Names =
        """{"info": {"features": {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog", "owl"], "_type": "ClassLabel"}}}}""";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(CompressionMethod.None)]
    [InlineData(CompressionMethod.Snappy)]
    [InlineData(CompressionMethod.Zstd)]
    public async Task Rows_of_several_groups_are_in_order_with_labels_class_names_and_positions(CompressionMethod compression)
    {
        string file = folder.File("train-00000-of-00001.parquet");
        await WrittenParquet.Write(file, Groups(3, 1, 4), row => row % 3,
            new WrittenLayout { Compression = compression, Features = Names });
        using ParquetImages images = ParquetImages.Open(file, 4);

        (images.Count, images.Shape, images.ClassCount, images.IsInMemory).Should().Be((8, new ImageShape(3, 4, 4), 3, false));
        images.GroupSizes.Should().Equal(3, 1, 4);
        images.ClassNames.Should().Equal("cat", "dog", "owl");
        images.Files.Should().Equal(file);
        Enumerable.Range(0, 8).Select(i => (Value(images, i), images.LabelOf(i))).Should()
            .Equal(Enumerable.Range(0, 8).Select(i => (i, (long)(i % 3))));
        images.NameOf(5).Should().Be($"{file}, row group 2, row 1 (path 5.png)");
        images.Description.Should().Be($"8 images from {file}, 3 classes, {images.Shape}, CropToFill");
    }

    [Fact]
    public async Task A_pattern_and_a_folder_use_files_sorted_by_name()
    {
        await WrittenParquet.Write(folder.File("train-00001-of-00002.parquet"), [[WrittenParquet.Png(3)]], _ => 0);
        await WrittenParquet.Write(folder.File("train-00000-of-00002.parquet"), [[WrittenParquet.Png(1)], [WrittenParquet.Png(2)]], _ => 1);
        using (ParquetImages images = ParquetImages.Open(folder.Path, 4))
        {
            Values(images).Should().Equal(1, 2, 3);
            images.ClassCount.Should().Be(2);
            images.ClassNames.Should().BeEmpty();
            images.GroupSizes.Should().Equal(1, 1, 1);
        }

        await WrittenParquet.Write(folder.File("more.parquet"), [[WrittenParquet.Png(8)]], _ => 0);
        using (ParquetImages images = ParquetImages.Open(folder.Path, 4))
        {
            Values(images).Should().Equal(8, 1, 2, 3);
        }

        await WrittenParquet.Write(folder.File("test-00000-of-00001.parquet"), [[WrittenParquet.Png(9)]], _ => 0);
        using (ParquetImages images = ParquetImages.Open(Path.Combine(folder.Path, "train-*.parquet"), 4))
        {
            Values(images).Should().Equal(1, 2, 3);
        }

        Failure(() => ParquetImages.Open(folder.Path, 4)).Should()
            .Contain("it contains 2 splits: test, train. Choose one with ParquetImageOptions.Split");
        string[] files = [.. new[] { "train-00001-of-00002.parquet",
            "test-00000-of-00001.parquet" }.Select(name => Path.Combine(folder.Path, name))];
        using ParquetImages chosen = ParquetImages.Open(files, new ImagePreparation { Size = 4 }, new ParquetImageOptions());
        Values(chosen).Should().Equal(3, 9);
    }

    [Fact]
    public async Task Other_columns_are_found_by_default_or_by_name()
    {
        string img = folder.File("img.parquet");
        await WrittenParquet.Write(img, Groups(2), row => row,
            new WrittenLayout { Image = "img", Label = "fine_label", LabelType = typeof(int) });
        using (ParquetImages images = ParquetImages.Open(img, 4))
        {
            images.ClassCount.Should().BeNull();
            Values(images).Should().Equal(0, 1);
            ((Action)(() => images.LabelOf(0))).Should().Throw<InvalidOperationException>().WithMessage("*no labels*");
        }

        using (ParquetImages images = ParquetImages.Open(img, 4,
            options: new ParquetImageOptions { LabelColumn = "fine_label", ClassCount = 7 }))
        {
            (images.ClassCount, images.LabelOf(1)).Should().Be((7, 1));
        }

        string plain = folder.File("plain.parquet");
        await WrittenParquet.Write(plain, Groups(2), row => row, new WrittenLayout { Image = "content", Plain = true });
        using (ParquetImages images = ParquetImages.Open(plain, 4,
            options: new ParquetImageOptions { ImageColumn = "content", LabelColumn = null }))
        {
            Values(images).Should().Equal(0, 1);
            images.ClassCount.Should().BeNull();
            images.NameOf(1).Should().Be($"{plain}, row group 0, row 1");
        }

        Failure(() => ParquetImages.Open(plain, 4)).Should().StartWith(plain).And.Contain("no column image or img; it has content, label");
        Failure(() => ParquetImages.Open(plain, 4, options: new ParquetImageOptions { ImageColumn = "label" })).Should()
            .Contain("neither binary nor text nor a struct");
        Failure(() => ParquetImages.Open(img, 4, options: new ParquetImageOptions { LabelColumn = "labels" })).Should()
            .Contain("no column labels; it has img, fine_label");
        Failure(() => ParquetImages.Open(img, 4, options: new ParquetImageOptions { LabelColumn = "img" })).Should()
            .Contain("no integers");
    }

    [Fact]
    public async Task A_row_with_a_missing_or_broken_image_is_a_bad_image_and_its_neighbors_are_good()
    {
        string file = folder.File("a.parquet");
        await WrittenParquet.Write(file, [[WrittenParquet.Png(1), null, WrittenParquet.Png(3)], [[], [1, 2, 3], WrittenParquet.Png(6)]],
            _ => 0);
        using ParquetImages images = ParquetImages.Open(file, 4);

        new[] { 0, 2, 5 }.Select(i => Value(images, i)).Should().Equal(1, 3, 6);
        Failure(() => Value(images, 1)).Should()
            .StartWith(
                $"{file}, row group 0, row 1 (path 1.png): its image is the path '1.png', but this file does not exist in "
                + $"{folder.Path}. Put");
        Failure(() => Value(images, 3)).Should().Contain("row group 1, row 0 (path 3.png): the file is empty");
        Failure(() => Value(images, 4)).Should().Contain("row group 1, row 1 (path 4.png)");
    }

    [Fact]
    public async Task A_label_that_is_null_or_out_of_range_is_an_error_with_its_row()
    {
        string file = folder.File("a.parquet");
        await WrittenParquet.Write(file, Groups(2, 3), row => row == 3 ? long.MinValue : 0);
        Failure(() => ParquetImages.Open(file, 4)).Should()
            .StartWith($"{file}, row group 1, row 1: its label is null").And.Contain("LabelColumn");
        await WrittenParquet.Write(file, Groups(2, 3), _ => -1);
        Failure(() => ParquetImages.Open(file, 4)).Should().StartWith($"{file}, row group 0, row 0: its label is -1")
            .And.Contain("without a published label");
        await WrittenParquet.Write(file, Groups(2, 3), row => row, new WrittenLayout { Features = Names });
        Failure(() => ParquetImages.Open(file, 4)).Should()
            .StartWith($"{file}, row group 1, row 1: its label is 3, but labels must be in 0..2");
        await WrittenParquet.Write(file, Groups(2), row => row, new WrittenLayout { LabelType = typeof(double), Fraction = 0.5 });
        Failure(() => ParquetImages.Open(file, 4)).Should()
            .StartWith($"{file}, row group 0, row 0: its label is 0.5, but labels must be integers");
        await WrittenParquet.Write(file, Groups(2), _ => 1, new WrittenLayout { LabelType = typeof(double), Fraction = double.NaN });
        Failure(() => ParquetImages.Open(file, 4)).Should().Contain("its label is NaN");
    }

    [Fact]
    public async Task Files_of_different_sets_are_rejected()
    {
        await WrittenParquet.Write(folder.File("a.parquet"), Groups(1), row => row, new WrittenLayout { Features = Names });
        await WrittenParquet.Write(folder.File("b.parquet"), Groups(1), row => row,
            new WrittenLayout { Features = Names.Replace("owl", "emu", StringComparison.Ordinal) });
        Failure(() => ParquetImages.Open(folder.Path, 4)).Should().Contain("b.parquet: its class names differ");
        await WrittenParquet.Write(folder.File("b.parquet"), Groups(1));
        Failure(() => ParquetImages.Open(folder.Path, 4)).Should().Contain("b.parquet: it has no labels, but other files do");
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("[]")]
    [InlineData("""{"info": {"features": {"label": {"names": [1]}}}}""")]
    [InlineData("""{"info": {"features": {"label": "x"}}}""")]
    [InlineData("""{"info": {"features": {"label": {"names": ["\ud800", "dog"]}}}}""")]
    [InlineData("""{"info": {"features": {"\udc00abe": 1, "label": {"names": ["cat", "\udfffx"]}}}}""")]
    public async Task Metadata_of_another_structure_gives_no_class_names(string features)
    {
        await WrittenParquet.Write(folder.File("a.parquet"), Groups(2), row => row, new WrittenLayout { Features = features });
        using ParquetImages images = ParquetImages.Open(folder.Path, 4);
        images.ClassNames.Should().BeEmpty();
        images.ClassCount.Should().Be(2);
    }

    [Fact]
    public async Task Metadata_with_numbers_that_only_Python_writes_gives_class_names()
    {
        await WrittenParquet.Write(folder.File("a.parquet"), Groups(2), row => row,
            new WrittenLayout { Features = Names.Replace("{\"info\": {", "{\"info\": {\"size\": NaN, ", StringComparison.Ordinal) });
        using ParquetImages images = ParquetImages.Open(folder.Path, 4);
        images.ClassNames.Should().Equal("cat", "dog", "owl");
    }

    [Fact]
    public async Task Invalid_values_and_missing_files_are_rejected()
    {
        string file = folder.File("a.parquet");
        Failure(() => ParquetImages.Open(file, 4)).Should().Be($"{file}: the file does not exist.");
        Failure(() => ParquetImages.Open(folder.Path, 4)).Should().Contain("the folder and its subfolders contain no *.parquet files");
        Failure(() => ParquetImages.Open(Path.Combine(folder.Path, "none", "*.parquet"), 4)).Should().Contain("does not exist");
        await WrittenParquet.Write(file, [[]]);
        Failure(() => ParquetImages.Open(file, 4)).Should().Contain("the files contain no rows");
        await WrittenParquet.Write(file, Groups(1));
        ((Action)(() => ParquetImages.Open(file, 0))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => ParquetImages.Open(file, 4, options: new ParquetImageOptions { CacheBytes = -1 }))).Should()
            .Throw<ArgumentOutOfRangeException>();
        ((Action)(() => ParquetImages.Open(file, 4, options: new ParquetImageOptions { ClassCount = 0 }))).Should()
            .Throw<ArgumentOutOfRangeException>();
        ((Action)(() => ParquetImages.Open([], new ImagePreparation { Size = 4 }, new ParquetImageOptions()))).Should()
            .Throw<ArgumentException>();
        using ParquetImages images = ParquetImages.Open(file, 4);
        ((Action)(() => images.NameOf(1))).Should().Throw<ArgumentOutOfRangeException>();
    }

    private static byte[]?[][] Groups(params int[] sizes) =>
        [.. sizes.Select((size, i) => Enumerable.Range(sizes[..i].Sum(), size).Select(row => WrittenParquet.Png(row)).ToArray())];

    private static int Value(ParquetImages images, long index)
    {
        byte[] pixels = new byte[images.Shape.Elements];
        images.Read(index, pixels);
        pixels.Should().OnlyContain(value => value == pixels[0]);
        return pixels[0];
    }

    private static IEnumerable<int> Values(ParquetImages images) => Enumerable.Range(0, (int)images.Count).Select(i => Value(images, i));

    private static string Failure(Func<object> open) => open.Should().Throw<ImageDataException>().Which.Message;
}
