using Diffusion.Data;
using Diffusion.TestKit;
using Diffusion.Training;
using Parquet.Schema;

namespace Diffusion.Data.Parquet.Tests;

/// <summary>Tables that contain the paths of their images.</summary>
public sealed class NamedImagesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Images_given_by_path_are_read_next_to_embedded_ones()
    {
        string root = Path.Combine(folder.Path, "set");
        string file = folder.File("set", "data", "train-00000-of-00001.parquet");
        File.WriteAllBytes(folder.File("set", "data", "images", "r.png"), WrittenParquet.Png(11));
        File.WriteAllBytes(folder.File("set", "images", "g.png"), WrittenParquet.Png(22));
        string?[] paths = ["images/r.png", "held.png", "images\\g.png", Path.Combine(root, "data", "images", "r.png"), "./images/r.png"];
        await WrittenParquet.Write(
            file, [[null, WrittenParquet.Png(7), null], [null, null]], row => row, new WrittenLayout { Path = row => paths[row] });

        using ParquetImages images = ParquetImages.Open(root, 4);
        Values(images).Should().Equal(11, 7, 22, 11, 11);
        new BatchReader(images).Inspect().Images.Should().Be(5);
    }

    [Fact]
    public async Task A_table_of_paths_alone_is_read()
    {
        File.WriteAllBytes(folder.File("0.png"), WrittenParquet.Png(5));
        File.WriteAllBytes(folder.File("1.png"), WrittenParquet.Png(6));
        await WrittenParquet.Write(folder.File("a.parquet"), [[null, null]], row => row);
        using ParquetImages images = ParquetImages.Open(folder.File("a.parquet"), 4);
        Values(images).Should().Equal(5, 6);
    }

    [Fact]
    public void A_table_of_paths_from_another_library_is_read_if_the_files_exist()
    {
        string file = folder.File("data", "train-00000-of-00001.parquet");
        File.Copy(ForeignParquetTests.PathOf("python/paths-only.parquet"), file);
        Failure(() => ParquetImages.Open(Path.GetDirectoryName(file)!, 4)).Should()
            .Contain("its image is the path 'images/r.png', but this file does not exist in");
        File.WriteAllBytes(folder.File("data", "images", "r.png"), WrittenParquet.Png(5));
        File.WriteAllBytes(folder.File("data", "images", "g.png"), WrittenParquet.Png(6));
        using ParquetImages images = ParquetImages.Open(Path.GetDirectoryName(file)!, 4);
        Values(images).Should().Equal(5, 6);
        images.ClassCount.Should().Be(2);
        new BatchReader(images).Inspect().Images.Should().Be(2);
    }

    [Fact]
    public async Task Missing_image_files_are_an_error_at_opening_with_a_remedy()
    {
        string file = folder.File("a.parquet");
        await WrittenParquet.Write(file, [[null, null]], row => row);
        Failure(() => ParquetImages.Open(file, 4)).Should().Be(
            $"{file}, row group 0, row 0: its image is the path '0.png', but this file does not exist in {folder.Path}. "
            + "Put the files there, or embed them in the table: in Python, dataset.with_format(\"arrow\")"
            + ".map(datasets.table.embed_table_storage, batched=True).to_parquet(...).");
    }

    [Fact]
    public async Task A_single_missing_image_file_is_a_bad_image()
    {
        string file = folder.File("a.parquet");
        File.WriteAllBytes(folder.File("0.png"), WrittenParquet.Png(5));
        await WrittenParquet.Write(file, [[null, null]], row => row, new WrittenLayout { Path = row => row == 0 ? "0.png" : null });
        using (ParquetImages images = ParquetImages.Open(file, 4))
        {
            Failure(() => Value(images, 1)).Should().Be($"{file}, row group 0, row 1: its image is null.");
        }

        await WrittenParquet.Write(file, [[null, null]], row => row);
        using ParquetImages missing = ParquetImages.Open(file, 4);
        Value(missing, 0).Should().Be(5);
        Failure(() => Value(missing, 1)).Should().Contain("row 1 (path 1.png): its image is the path '1.png'");
    }

    [Theory]
    [InlineData("../secret.png")]
    [InlineData("images/../../secret.png")]
    [InlineData("..\\secret.png")]
    [InlineData("/etc/hostname")]
    [InlineData("C:\\Windows\\win.ini")]
    [InlineData("https://example.org/a.png")]
    [InlineData("ABSOLUTE")]
    public async Task Nothing_outside_the_folder_is_read(string path)
    {
        string secret = folder.File("secret.png");
        File.WriteAllBytes(secret, WrittenParquet.Png(99));
        string file = folder.File("set", "a.parquet");
        Directory.CreateDirectory(Path.Combine(folder.Path, "set", "images"));
        await WrittenParquet.Write(file, [[WrittenParquet.Png(1), null]], row => row,
            new WrittenLayout { Path = row => path == "ABSOLUTE" ? secret : path });
        using ParquetImages images = ParquetImages.Open(file, 4);
        Failure(() => Value(images, 1)).Should()
            .Contain($"its image is the path '{(path == "ABSOLUTE" ? secret : path)}'")
            .And.Contain($"which is outside {Path.GetDirectoryName(file)}.");
    }

    [Theory]
    [InlineData("link.png")]
    [InlineData("linked/secret.png")]
    public async Task No_link_leads_out_of_the_folder(string path)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege there.");
        string secret = folder.File("outside", "secret.png");
        File.WriteAllBytes(secret, WrittenParquet.Png(99));
        string file = folder.File("set", "a.parquet");
        File.CreateSymbolicLink(folder.File("set", "link.png"), secret);
        Directory.CreateSymbolicLink(folder.File("set", "linked"), Path.Combine(folder.Path, "outside"));
        await WrittenParquet.Write(file, [[WrittenParquet.Png(1), null]], row => row, new WrittenLayout { Path = _ => path });
        using (ParquetImages images = ParquetImages.Open(file, 4))
        {
            Failure(() => Value(images, 1)).Should().Contain($"the path '{path}', which is a link to a file outside");
        }

        // The folder itself may be a link, and may contain links.
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "by link"), Path.Combine(folder.Path, "set"));
        File.WriteAllBytes(folder.File("set", "real", "in.png"), WrittenParquet.Png(33));
        Directory.CreateSymbolicLink(folder.File("set", "within"), Path.Combine(folder.Path, "set", "real"));
        await WrittenParquet.Write(file, [[null]], row => row, new WrittenLayout { Path = _ => "within/in.png" });
        using ParquetImages inside = ParquetImages.Open(Path.Combine(folder.Path, "by link"), 4);
        Value(inside, 0).Should().Be(33);
    }

    [Fact]
    public async Task A_text_column_with_the_name_of_an_image_column_contains_paths()
    {
        string file = folder.File("a.parquet");
        await WrittenParquet.WriteColumns(file, new DataField("image", typeof(ReadOnlyMemory<char>), isNullable: true));
        Failure(() => ParquetImages.Open(file, 4)).Should().Contain("the files contain no rows");
    }

    private static int Value(ParquetImages images, long index)
    {
        byte[] pixels = new byte[images.Shape.Elements];
        images.Read(index, pixels);
        return pixels[0];
    }

    private static IEnumerable<int> Values(ParquetImages images) => Enumerable.Range(0, (int)images.Count).Select(i => Value(images, i));

    private static string Failure(Func<object> open) => open.Should().Throw<ImageDataException>().Which.Message;
}
