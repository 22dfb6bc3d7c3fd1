using Diffusion.Data;
using Diffusion.TestKit;
using Parquet.Schema;

namespace Diffusion.Data.Parquet.Tests;

/// <summary>Which columns are used, and the errors when none or several match.</summary>
public sealed class ParquetColumnTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string File => folder.File("a.parquet");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("img")]
    [InlineData("Image")]
    [InlineData("jpg")]
    [InlineData("png")]
    [InlineData("pixel_values")]
    [InlineData("photo of the day")]
    public async Task The_only_struct_of_bytes_is_used_whatever_its_name(string name)
    {
        await WrittenParquet.Write(File, [[WrittenParquet.Png(4)]], _ => 0, new WrittenLayout { Image = name });
        Value(null).Should().Be(4);
    }

    [Fact]
    public async Task A_binary_column_is_used_by_a_known_name_or_the_metadata()
    {
        await WrittenParquet.Write(File, [[WrittenParquet.Png(4)]], _ => 0, new WrittenLayout { Image = "jpg", Plain = true });
        Value(null).Should().Be(4);
        await WrittenParquet.Write(
            File, [[WrittenParquet.Png(5)]], _ => 0,
            new WrittenLayout { Image = "scan", Plain = true,
                Features = """{"info": {"features": {"scan": {"_type": "Image"}, "label": {"_type": "Value"}}}}""" });
        Value(null).Should().Be(5);
    }

    [Fact]
    public async Task Several_image_columns_are_an_error_with_their_names()
    {
        await WrittenParquet.WriteColumns(File, WrittenParquet.Image("image"), WrittenParquet.Image("mask"), new DataField<int>("label"));
        Failure().Should().Be($"{File}: its columns image, mask all contain images. Choose one with ImageColumn.");
    }

    [Fact]
    public async Task An_audio_column_is_not_an_image_column()
    {
        await WrittenParquet.Write(
            File, [[WrittenParquet.Png(4)]], _ =>
                0, new WrittenLayout { Image = "sound", Features = """{"info": {"features": {"sound": {"_type": "Audio"}}}}""" });
        Failure().Should().Contain("it has no column image or img; it has sound, label");
    }

    [Fact]
    public async Task Lists_and_numbers_are_rejected_as_images_with_their_type()
    {
        await WrittenParquet.WriteColumns(File, new ListField("images", WrittenParquet.Image("element")), new DataField<int>("label"));
        Failure().Should().Contain("its column 'images' contains lists, but each row must contain one image file");
        await WrittenParquet.WriteColumns(File, new ListField("pixel_values", new DataField<float>("element")));
        Failure().Should().Contain("its column 'pixel_values' contains lists");
        await WrittenParquet.WriteColumns(File, new DataField<int>("image"));
        Failure().Should().Contain("its column 'image' is neither binary nor text nor a struct");
    }

    [Theory]
    [InlineData("labels", null)]
    [InlineData("cls", null)]
    [InlineData("target", null)]
    [InlineData("breed", """{"info": {"features": {"breed": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}""")]
    public async Task Labels_of_another_name_are_found_if_there_is_only_one_such_column(string name, string? features)
    {
        await WrittenParquet.Write(File, [[WrittenParquet.Png(1), WrittenParquet.Png(2)]], row => row,
            new WrittenLayout { Label = name, Features = features });
        using ParquetImages images = ParquetImages.Open(File, 4);
        (images.ClassCount, images.LabelOf(1)).Should().Be((2, 1));
        images.ClassNames.Should().Equal(features is null ? [] : ["cat", "dog"]);
    }

    [Fact]
    public async Task Several_label_columns_and_labels_of_other_types_are_rejected_by_name()
    {
        await WrittenParquet.WriteColumns(File, WrittenParquet.Image("image"), new DataField<int>("labels"), new DataField<int>("target"));
        Failure().Should().Be(
            $"{File}: its columns labels, target all look like labels. Choose one with LabelColumn, or set it to null for no labels.");
        await WrittenParquet.WriteColumns(File, WrittenParquet.Image("image"), new DataField("label", typeof(ReadOnlyMemory<char>)));
        Failure().Should().Contain("its column 'label' contains text, but labels must be integers of at least 0. Number the classes");
        await WrittenParquet.WriteColumns(File, WrittenParquet.Image("image"), new ListField("label", new DataField<int>("element")));
        Failure().Should().Contain("its column 'label' contains no integers");
    }

    [Fact]
    public async Task Labels_in_folder_names_are_an_error()
    {
        await WrittenParquet.Write(folder.File("label=0", "part-0.parquet"), [[WrittenParquet.Png(1)]]);
        await WrittenParquet.Write(folder.File("label=1", "part-0.parquet"), [[WrittenParquet.Png(1)]]);
        FluentActions.Invoking(() => ParquetImages.Open(folder.Path, 4)).Should().Throw<ImageDataException>()
            .WithMessage("*it has no column label, and labels in folder names such as label=0 are not supported*");
        using ParquetImages images = ParquetImages.Open(folder.Path, 4, options: new ParquetImageOptions { LabelColumn = null });
        images.Count.Should().Be(2);
    }

    [Theory]
    [InlineData(typeof(sbyte))]
    [InlineData(typeof(ulong))]
    [InlineData(typeof(double))]
    public async Task Labels_of_every_width_and_floats_without_a_fraction_are_read(Type type)
    {
        await WrittenParquet.Write(File, [[WrittenParquet.Png(1)], [], [WrittenParquet.Png(2), WrittenParquet.Png(3)]], row => 2 * row,
            new WrittenLayout { LabelType = type });
        using ParquetImages images = ParquetImages.Open(File, 4);
        Enumerable.Range(0, 3).Select(i => images.LabelOf(i)).Should().Equal(0, 2, 4);
        images.GroupSizes.Should().Equal(1, 2);
    }

    [Fact]
    public void A_file_of_the_Python_datasets_library_is_read_as_written()
    {
        // 40 x 32 pixels of (7i, 13i, 29i) mod 256, row i mod 32 white; label i mod 3.
        using ParquetImages images = ParquetImages.Open(ForeignParquetTests.PathOf("python/huggingface-datasets.parquet"),
            new ImagePreparation { Size = 32 }, new ParquetImageOptions());
        (images.Count, images.ClassCount).Should().Be((30, 3));
        images.ClassNames.Should().Equal("a", "b", "c");
        byte[] pixels = new byte[images.Shape.Elements];
        for (int i = 0; i < 30; i++)
        {
            images.LabelOf(i).Should().Be(i % 3);
            images.Read(i, pixels, cancellationToken: TestContext.Current.CancellationToken);
            int row = 0;
            foreach (byte[] line in pixels.Chunk(32 * 3))
            {
                byte[] color = row++ == i % 32 ? [255, 255, 255] : [(byte)(7 * i), (byte)(13 * i), (byte)(29 * i)];
                line.Should().Equal(Enumerable.Repeat(color, 32).SelectMany(pixel => pixel), "this is row {0} of image {1}", row - 1, i);
            }
        }
    }

    private int Value(ParquetImageOptions? options)
    {
        using ParquetImages images = ParquetImages.Open(File, 4, options: options);
        byte[] pixels = new byte[images.Shape.Elements];
        images.Read(0, pixels);
        return pixels[0];
    }

    private string Failure() =>
        FluentActions.Invoking(() => ParquetImages.Open(File, 4)).Should().Throw<ImageDataException>().Which.Message;
}
