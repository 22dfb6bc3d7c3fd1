namespace Diffusion.Data.Tests.Shards;

/// <summary>Which files of a folder are shards, and which of them are used.</summary>
public sealed class ShardFolderTests : IDisposable
{
    private readonly ShardFolder folder = new();

    private string Shards => folder.PathOf("shards", "x")[..^2];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Hidden_files_other_archives_duplicates_and_subfolders_are_skipped_and_counted()
    {
        Put("train-0.tar", "._train-0.tar", ".hidden.tar.gz", "b.tar.zst", "c.zip", "d.tar.part", "d.tar.index", "notes.txt",
            "deeper/e.tar", "@eaDir/f.tar", "B.TGZ");
        if (OperatingSystem.IsLinux())
        {
            File.CreateSymbolicLink(folder.PathOf("shards", "latest.tar"), "train-0.tar");
        }

        using ShardedImages images = Open();
        images.Count.Should().Be(2);
        images.Report.Skipped.Select(part => string.Join(", ", part.Examples)).Should().BeEquivalentTo(
            [
                "._train-0.tar, .hidden.tar.gz", "b.tar.zst, c.zip, d.tar.part", Path.Combine("deeper", "e.tar"),
                .. OperatingSystem.IsLinux() ? (string[])["train-0.tar"] : [],
            ]);
        images.ToString().Should().Contain("3 skipped: other or unfinished archives");
    }

    [Theory]
    [InlineData(null, new[] { "a-train-0.tar", "a-train-1.tgz" }, 2)]
    [InlineData("train", new[] { "train-0.tar", "val-0.tar", "val-1.tar" }, 1)]
    [InlineData("validation", new[] { "imagenet-train-0.tar", "imagenet-VAL-0.tar", "imagenet-val-1.tar.gz" }, 2)]
    [InlineData("all", new[] { "train-0.tar", "val-0.tar" }, 2)]
    [InlineData("all", new[] { "a.tar", "b.tar" }, 2)]
    [InlineData(null, new[] { "train-0.tar", "bus-0.tar" }, 2)]
    [InlineData(null, new[] { "contest-0.tar", "training2-0.tar" }, 2)]
    [InlineData(null, new[] { "train/0.tar", "train/1.tar" }, 2)]
    [InlineData("test", new[] { "train/0.tar", "test/0.tar" }, 1)]
    [InlineData("all", new[] { "train/0.tar", "test/0.tar" }, 2)]
    [InlineData(null, new[] { "val-0.tar", "validation-1.tar" }, 2)]
    public void Splits_are_recognized_if_all_names_contain_one(string? split, string[] names, int taken)
    {
        Put(names);
        using ShardedImages images = Open(split);
        images.Count.Should().Be(taken);
        images.Report.SkippedCount.Should().Be(names.Length - taken);
    }

    [Theory]
    [InlineData(null, new[] { "train-0.tar", "val-0.tar" }, "*2 splits: train, val*ShardOptions.Split*")]
    [InlineData(null, new[] { "train/0.tar", "test/0.tar" }, "*2 splits: test, train*ShardOptions.Split*")]
    [InlineData("test", new[] { "train-0.tar" }, "*ShardOptions.Split is \"test\"*train*")]
    [InlineData("train", new[] { "train-0.tar", "extra.tar" }, "*not every name contains a split: extra.tar*")]
    [InlineData(null, new[] { "train/0.tar", "bus/0.tar" }, "*no shards itself, but its subfolders do: bus, train*")]
    [InlineData(null, new[] { "a.tar.zst", ".b.tar" }, "*matches no shards*a.tar.zst*")]
    public void Invalid_choices_of_splits_are_rejected_by_name(string? split, string[] names, string message)
    {
        Put(names);
        FluentActions.Invoking(() => Open(split)).Should().Throw<ImageDataException>().WithMessage(message);
    }

    [Fact]
    public void Shards_listed_one_by_one_are_all_used_unless_a_split_is_chosen()
    {
        Put("train-0.tar", "val-0.tar");
        string pattern = Path.Combine(Shards, "{train,val}-0.tar");
        ShardList.Expand(pattern).Should().HaveCount(2);
        ShardList.Expand(pattern, "val").Should().ContainSingle().Which.Should().EndWith("val-0.tar");
    }

    [Fact]
    public void Relative_paths_are_resolved_at_opening()
    {
        Put("a.tar");
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, Shards);
        ShardList.Expand(relative).Should().Equal(Path.Combine(Shards, "a.tar"));
        ShardList.Expand(Path.Combine(relative, "a.tar") + "::" + Path.Combine(relative, "{a,a}.tar")).Should()
            .Equal(Enumerable.Repeat(Path.Combine(Shards, "a.tar"), 3));
    }

    [Theory]
    [InlineData("s3://bucket/{0..1}.tar", "*s3:// is not a supported scheme*")]
    [InlineData("pipe:cat x.tar", "*pipe: is not a supported scheme*")]
    [InlineData("file:///x.tar", "*file:// is not a supported scheme*")]
    public void Unsupported_schemes_are_rejected_by_name(string pattern, string message) =>
        FluentActions.Invoking(() => ShardList.Expand(pattern)).Should().Throw<ImageDataException>().WithMessage(message);

    private void Put(params string[] names)
    {
        foreach (string name in names)
        {
            byte[] shard = TarReaderTests.Archive(System.Formats.Tar.TarEntryFormat.Ustar, ("a.png", ShardFolder.Image(1)));
            File.WriteAllBytes(folder.PathOf(["shards", .. name.Split('/')]), shard);
        }
    }

    private ShardedImages Open(string? split = null) =>
        ShardedImages.Open(Shards, ShardFolder.Preparation, folder.Options with { Split = split }, TestContext.Current.CancellationToken);
}
