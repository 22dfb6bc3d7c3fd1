using System.Diagnostics;
using System.Formats.Tar;
using System.Text;

namespace Diffusion.Data.Tests.Shards;

public sealed class ShardLinksTests : IDisposable
{
    private readonly ShardFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("ustar")]
    [InlineData("gnu")]
    [InlineData("pax")]
    public void Links_of_GNU_tar_stand_for_their_targets(string format)
    {
        string deep = string.Concat(Enumerable.Repeat("folder-of-some-name/", format == "ustar" ? 3 : 8));
        File.WriteAllBytes(folder.PathOf(["in", .. $"{deep}a.png".Split('/')]), ShardFolder.Image(7));
        File.WriteAllBytes(folder.PathOf("in", "c.png"), ShardFolder.Image(9));
        string place = folder.PathOf("in", "x")[..^2];
        HardLink(folder.PathOf("in", "b.png"), folder.PathOf(["in", .. $"{deep}a.png".Split('/')]));
        File.CreateSymbolicLink(folder.PathOf("in", "d.png"), $"{deep}a.png");
        File.CreateSymbolicLink(folder.PathOf("in", "e.png"), "d.png");
        File.CreateSymbolicLink(folder.PathOf(["in", .. $"{deep}f.png".Split('/')]),
            string.Concat(Enumerable.Repeat("../", deep.Count(letter => letter == '/'))) + "c.png");
        GnuTar.Run(place, "--create", $"--format={format}", "--sort=name", "--file=../a.tar", ".");

        using ShardedImages images = Open();
        images.Count.Should().Be(6);
        images.Report.Skipped.Should().BeEmpty();
        Dictionary<string, int> grays = Enumerable.Range(0, 6)
            .ToDictionary(i => images.NameOf(i).Split("sample ")[1].Split(',')[0].Split('/')[^1], i => (int)ShardFolder.Read(images, i)[0]);
        grays.Should().BeEquivalentTo(new Dictionary<string, int> { ["a"] = 7, ["b"] = 7, ["c"] = 9, ["d"] = 7, ["e"] = 7, ["f"] = 9 });
    }

    [Fact]
    public void A_link_may_precede_its_target_and_labels_may_be_links()
    {
        Write(
            Link(TarEntryType.HardLink, "a.cls", "b.cls"), Plain("a.png", ShardFolder.Image(1)),
            Plain("b.cls", [(byte)'1']), Link(TarEntryType.SymbolicLink, "b.png", "./c.png"),
            Link(TarEntryType.HardLink, "c.cls", "./b.cls"), Plain("c.png", ShardFolder.Image(3)));

        using ShardedImages images = Open();
        Enumerable.Range(0, 3).Select(i => (ShardFolder.Read(images, i)[0], images.LabelOf(i))).Should().Equal((1, 1), (3, 1), (3, 1));

        // From the index of the first opening.
        using ShardedImages again = Open();
        ShardFolder.Read(again, 1)[0].Should().Be(3);
    }

    [Theory]
    [InlineData("b.png", "b.png")]
    [InlineData("b.png", "missing.png")]
    [InlineData("b.png", "../outside.png")]
    [InlineData("b.png", "/outside.png")]
    [InlineData("b.cls", "missing.cls")]
    public void A_broken_link_is_an_error_or_its_sample_is_skipped(string name, string target)
    {
        System.Formats.Tar.TarEntry other = name == "b.png" ? Plain("b.cls", [(byte)'1']) : Plain("b.png", ShardFolder.Image(2));
        Write(Plain("a.cls", [(byte)'0']), Plain("a.png", ShardFolder.Image(1)), Link(TarEntryType.SymbolicLink, name, target), other);

        FluentActions.Invoking(() => Open()).Should().Throw<ImageDataException>()
            .WithMessage("*1 of its samples cannot be read: b (*is a link to a file that is not in the shard*--dereference*");
        using ShardedImages images = Open(folder.Options with { SkipDamaged = true });
        images.Count.Should().Be(1);
        images.Report.Skipped.Should().ContainSingle().Which.Examples.Should().ContainSingle().Which.Should().StartWith("a.tar: b (");
        FluentActions.Invoking(() => Open(folder.Options with { Map = _ => (name[2..], 0),
            Where = sample => sample.Key == "b" }))
            .Should().Throw<ImageDataException>().WithMessage(
                "*sample b: Map returned its file*a link to a file that is not in the shard*");
    }

    [Fact]
    public void Links_to_folders_devices_and_hidden_files_are_ignored_and_counted()
    {
        Write(
            Plain("v1/a.png", ShardFolder.Image(1)), Link(TarEntryType.SymbolicLink, "v1.0", "v1"),
                new UstarTarEntry(TarEntryType.Fifo, "pipe.png"),
            Plain("v1/._a.png", [1, 2]), Plain("__MACOSX/v1/a.png", [1]), Plain("README", [1]),
                Link(TarEntryType.SymbolicLink, ".latest", "nowhere"));

        using ShardedImages images = Open();
        images.Count.Should().Be(1);
        images.Report.Skipped.Select(part => (part.Count, part.Examples[0])).Should().BeEquivalentTo(
            [(1, "a.tar: v1.0"), (1, "a.tar: pipe.png"), (3, "a.tar: v1/._a.png"), (1L, "a.tar: README")]);
        images.ToString().Should().Contain("3 skipped: hidden files").And.Contain("README");
    }

    [Fact]
    public void A_hard_link_with_data_is_a_file()
    {
        byte[] archive = TarReaderTests.Archive(TarEntryFormat.Ustar, ("a.png", ShardFolder.Image(5)), ("b.png", ShardFolder.Image(6)));
        int second = archive.AsSpan().IndexOf("b.png"u8);
        archive[second + 156] = (byte)'1';
        "a.png"u8.CopyTo(archive.AsSpan(second + 157));
        TarReaderTests.Seal(archive.AsSpan(second));
        File.WriteAllBytes(folder.PathOf("a.tar"), archive);

        using ShardedImages images = Open();
        (images.Count, ShardFolder.Read(images, 1)[0]).Should().Be((2, 6));
    }

    [Fact]
    public void Different_names_that_are_not_UTF8_stay_different()
    {
        byte[] archive = TarReaderTests.Archive(TarEntryFormat.Ustar, ("x1.png", ShardFolder.Image(5)), ("x2.png", ShardFolder.Image(6)));
        foreach (string name in (string[])["x1.png", "x2.png"])
        {
            int at = archive.AsSpan().IndexOf(Encoding.ASCII.GetBytes(name));
            archive[at + 1] = (byte)(0xC0 + name[1]);
            TarReaderTests.Seal(archive.AsSpan(at));
        }

        File.WriteAllBytes(folder.PathOf("a.tar"), archive);
        using ShardedImages images = Open();
        Enumerable.Range(0, 2).Select(i => ShardFolder.Read(images, i)[0]).Should().Equal(5, 6);
    }

    private static UstarTarEntry Plain(string name, byte[] bytes) =>
        new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) };

    private static UstarTarEntry Link(TarEntryType type, string name, string target) => new(type, name) { LinkName = target };

    private static void HardLink(string name, string target)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no command ln.");
        using Process process = Process.Start("ln", [target, name]);
        process.WaitForExit();
        process.ExitCode.Should().Be(0);
    }

    private void Write(params System.Formats.Tar.TarEntry[] entries)
    {
        using FileStream file = File.Create(folder.PathOf("a.tar"));
        using TarWriter writer = new(file, TarEntryFormat.Ustar);
        Array.ForEach(entries, writer.WriteEntry);
    }

    private ShardedImages Open(ShardOptions? options = null) =>
        ShardedImages.Open(folder.PathOf("a.tar"), ShardFolder.Preparation, options ?? folder.Options,
            TestContext.Current.CancellationToken);
}
