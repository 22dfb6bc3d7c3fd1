using Diffusion.Data;
using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.Data.Parquet.Tests;

/// <summary>Which files of a folder are used: splits, subsets, system files and metadata.</summary>
public sealed class ParquetSplitTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test-00000-of-00001.parquet")]
    [InlineData("data/train-00000-of-00002.parquet", "data/train-00001-of-00002-a1b2c3.parquet", "data/test-00000-of-00001.parquet")]
    [InlineData("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet")]
    [InlineData("train/part-00000-of-00002.parquet", "train/part-00001-of-00002.parquet", "test/part-00000-of-00001.parquet")]
    [InlineData("train/a/0.parquet", "train/b/0.parquet", "test/a/0.parquet")]
    [InlineData("digits_train_0.parquet", "digits_train_1.parquet", "digits_test.parquet")]
    [InlineData("TRAIN.PARQUET", "training-1.parquet", "eval.parquet")]
    public async Task Several_splits_are_an_error_unless_one_is_chosen_or_all_are_mixed(params string[] files)
    {
        await Write(files);
        Failure(null).Should().Contain("it contains 2 splits: ").And.Contain(
            "Choose one with ParquetImageOptions.Split, or set it to \"all\" to mix them");
        using (ParquetImages train = Open("train"))
        {
            Values(train).Should().BeEquivalentTo([0, 1]);
            train.Report.Skipped.Should().ContainSingle().Which.Should().Match<SkippedImages>(
                left => left.Reason == "files of other splits" && left.Count == 1 && left.Examples.Single() == files[2]);
            train.ToString().Should().Contain("1 skipped: files of other splits");
        }

        using (ParquetImages test = Open("test"))
        {
            Values(test).Should().Equal(2);
        }

        using ParquetImages all = Open("all");
        Values(all).Should().BeEquivalentTo([0, 1, 2]);
        all.Report.Skipped.Should().BeEmpty();
        Failure("validation").Should().Contain("ParquetImageOptions.Split is \"validation\", but the existing splits are");
    }

    [Fact]
    public async Task A_pattern_of_several_splits_is_an_error_but_files_listed_one_by_one_are_used()
    {
        string[] files = ["train-00000-of-00001.parquet", "val-00000-of-00001.parquet"];
        await Write(files);
        string pattern = Path.Combine(folder.Path, "*.parquet");
        FluentActions.Invoking(() => ParquetImages.Open(pattern, 4)).Should().Throw<ImageDataException>()
            .WithMessage("*2 splits: train, val*");
        using (ParquetImages train = ParquetImages.Open(pattern, 4, options: new ParquetImageOptions { Split = "validation" }))
        {
            Values(train).Should().Equal(1);
        }

        string[] paths = [.. files.Select(file => Path.Combine(folder.Path, file))];
        using (ParquetImages both = ParquetImages.Open(paths, new ImagePreparation { Size = 4 }, new ParquetImageOptions()))
        {
            Values(both).Should().Equal(0, 1);
        }

        using ParquetImages one = ParquetImages.Open(paths, new ImagePreparation { Size = 4 }, new ParquetImageOptions { Split = "train" });
        Values(one).Should().Equal(0);
    }

    [Fact]
    public async Task Names_without_splits_are_one_set_and_choosing_a_split_is_an_error()
    {
        await Write("b/1.parquet", "a/0.parquet", "more.PQ");
        using (ParquetImages images = Open(null))
        {
            Values(images).Should().Equal(1, 0, 2);
            images.Files.Select(file => Path.GetRelativePath(folder.Path, file).Replace('\\', '/')).Should()
                .Equal("a/0.parquet", "b/1.parquet", "more.PQ");
        }

        Failure("train").Should().Contain("ParquetImageOptions.Split is \"train\", but the names of its files contain no split");
        FluentActions.Invoking(() => ParquetImages.Open(Path.Combine(folder.Path, "more.PQ"), 4,
            options: new ParquetImageOptions { Split = "train" }))
            .Should().Throw<ImageDataException>().WithMessage("*contain no split*");
    }

    [Fact]
    public async Task A_single_split_is_used_with_the_files_next_to_it()
    {
        await Write("train-00000-of-00001.parquet", "more.parquet");
        using (ParquetImages images = Open(null))
        {
            Values(images).Should().Equal(1, 0);
        }

        using ParquetImages chosen = Open("train");
        Values(chosen).Should().Equal(0);
        chosen.Report.Skipped.Single().Reason.Should().Be("files whose names contain no split");
    }

    [Fact]
    public async Task Subsets_with_their_own_splits_are_an_error_with_their_names()
    {
        await Write("full/train-00000-of-00001.parquet", "small/train-00000-of-00001.parquet");
        Failure(null).Should().Contain(
            "2 subsets with their own splits, in the folders full, small. Open one of them, such as").And.Contain("small");
        using ParquetImages one = ParquetImages.Open(Path.Combine(folder.Path, "small"), 4);
        Values(one).Should().Equal(1);
    }

    [Fact]
    public async Task System_files_and_metadata_of_programs_are_ignored_and_counted()
    {
        await Write("train-00000-of-00001.parquet", "@eaDir/train-00000-of-00001.parquet", "_temporary/0/part-0.parquet", "_old.parquet");
        foreach (string name in (string[])["._train-00000-of-00001.parquet", ".train-00000-of-00001.parquet.crc", "_SUCCESS", "_metadata",
            "test-00000-of-00001.parquet.gz", "README.md"])
        {
            File.WriteAllText(folder.File(name), "no Parquet");
        }

        foreach (string path in (string[])[folder.Path, Path.Combine(folder.Path, "*train*.parquet")])
        {
            using ParquetImages images = ParquetImages.Open(path, 4);
            Values(images).Should().Equal(0);
            images.Report.ImageCount.Should().Be(1);
        }

        using ParquetImages all = Open(null);
        all.Report.Skipped.Select(left => (left.Count, left.Reason[..12])).Should()
            .BeEquivalentTo([(3L, "hidden files"), (4L, "files and fo"), (1L, "compressed P")]);
        all.ToString().Should().Contain("._train-00000-of-00001.parquet").And.Contain("_SUCCESS").And.Contain("decompress them");
    }

    [Fact]
    public async Task Links_to_folders_are_followed_and_no_folder_is_read_twice()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege there.");
        await Write("set/0.parquet", "elsewhere/1.parquet");
        string set = Path.Combine(folder.Path, "set");
        Directory.CreateSymbolicLink(Path.Combine(set, "data"), Path.Combine(folder.Path, "elsewhere"));
        Directory.CreateSymbolicLink(Path.Combine(set, "data again"), Path.Combine(folder.Path, "elsewhere"));
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "elsewhere", "loop"), set);
        using ParquetImages images = ParquetImages.Open(set, 4);
        Values(images).Should().BeEquivalentTo([0, 1]);
        images.Report.Skipped.Single().Should()
            .Match<SkippedImages>(left => left.Count == 2 && left.Reason == "links to folders that are already read");
    }

    [Fact]
    public async Task A_relative_path_remains_valid_when_the_working_folder_changes()
    {
        await Write("0.parquet");
        string before = Environment.CurrentDirectory;
        try
        {
            Environment.CurrentDirectory = folder.Path;
            using ParquetImages images = ParquetImages.Open("0.parquet", 4);
            using ParquetImages all = ParquetImages.Open(".", 4);
            using ParquetImages matching = ParquetImages.Open("*.parquet", 4);
            Environment.CurrentDirectory = Path.GetTempPath();
            foreach (ParquetImages one in (ParquetImages[])[images, all, matching])
            {
                Values(one).Should().Equal(0);
            }
        }
        finally
        {
            Environment.CurrentDirectory = before;
        }
    }

    [Fact]
    public async Task A_pattern_for_folders_is_an_error_with_a_remedy()
    {
        await Write("a/train.parquet");
        FluentActions.Invoking(() => ParquetImages.Open(Path.Combine(folder.Path, "*", "train.parquet"), 4)).Should()
            .Throw<ImageDataException>()
            .WithMessage("*only the last part of a path may contain a pattern. Open the folder*");
    }

    // File i contains only image i.
    private async Task Write(params string[] files)
    {
        foreach ((int i, string file) in files.Index())
        {
            await WrittenParquet.Write(folder.File(file.Split('/')), [[WrittenParquet.Png(i)]]);
        }
    }

    private ParquetImages Open(string? split) => ParquetImages.Open(folder.Path, 4, options: new ParquetImageOptions { Split = split });

    private string Failure(string? split) => FluentActions.Invoking(() => Open(split)).Should().Throw<ImageDataException>().Which.Message;

    private static IEnumerable<int> Values(ParquetImages images) => Enumerable.Range(0, (int)images.Count).Select(i =>
    {
        byte[] pixels = new byte[images.Shape.Elements];
        images.Read(i, pixels);
        return (int)pixels[0];
    });
}
