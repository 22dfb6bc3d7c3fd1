using System.Formats.Tar;

namespace Diffusion.Data.Tests.Shards;

/// <summary>The key of a sample ends at the first dot of a name; errors explain this for names with more dots.</summary>
public sealed class ShardDotsTests : IDisposable
{
    private readonly ShardFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void If_only_some_samples_have_a_label_the_files_of_the_others_are_listed()
    {
        Put("IMG_2024.05.01_0001.cls", "IMG_2024.05.01_0001.png", "plain.cls", "plain.png");
        FluentActions.Invoking(() => Open()).Should().Throw<ImageDataException>()
            .WithMessage("*1 of 2*IMG_2024 (.05.01_0001.cls, .05.01_0001.png)*first dot*Map*");
    }

    [Fact]
    public void A_shard_without_any_image_is_an_error_that_lists_its_files()
    {
        Put("000000.image.png", "000000.label.cls", "000001.image.png", "000001.label.cls");
        FluentActions.Invoking(() => Open()).Should().Throw<ImageDataException>()
            .WithMessage("*none of its 2 samples has an image file*000000 (.image.png, .label.cls)*first dot*Map*");
        using ShardedImages mapped = Open(folder.Options with { Map = sample => ("image.png",
            sample.ReadText("label.cls")[0] - '0') });
        (mapped.Count, mapped.ClassCount).Should().Be((2, 2));
    }

    [Fact]
    public void Samples_without_an_image_are_counted_at_opening_and_list_their_files_when_read()
    {
        Put([.. Enumerable.Range(0, 5).Select(i => $"IMG_2024.05.01_000{i}.png"), "z0.png", "z1.png", "z2.png"]);
        using ShardedImages images = Open();
        images.Count.Should().Be(4);
        SkippedImages part = images.Report.Skipped.Should().ContainSingle().Subject;
        (part.Count, part.Reason).Should().Be((1, "samples without an image file, which are bad images"));
        part.Examples.Should().Equal(
            "a.tar: IMG_2024 (.05.01_0000.png, .05.01_0001.png, .05.01_0002.png, .05.01_0003.png, .05.01_0004.png)");
        FluentActions.Invoking(() => ShardFolder.Read(images, 0)).Should().Throw<ImageDataException>()
            .WithMessage("*no image file, only .05.01_0000.png*first dot*");
        Open().Report.SkippedCount.Should().Be(1, "the index says so too");
    }

    [Fact]
    public void Keys_that_are_equal_because_of_dots_are_an_error_with_an_explanation()
    {
        Put("a.1.png", "b.png", "a.2.png");
        FluentActions.Invoking(() => Open()).Should().Throw<ImageDataException>()
            .WithMessage("*'a' are not contiguous*first dot*'a.2.png' belongs to 'a'*");
    }

    [Theory]
    [InlineData("JFIF")]
    [InlineData("jpe")]
    [InlineData("dib")]
    public void Less_common_extensions_of_images_are_supported(string extension)
    {
        Put($"a.{extension}");
        using ShardedImages images = Open();
        ShardFolder.Read(images, 0)[0].Should().Be(0);
    }

    [Fact]
    public void Extensions_may_be_given_with_a_dot_and_in_upper_case()
    {
        Put("a.seg.png", "a.png");
        using ShardedImages images = Open(folder.Options with { ImageExtensions = [".SEG.PNG"] });
        (ShardFolder.Read(images, 0)[0], images.Report.SkippedCount).Should().Be((0, 0));
    }

    // The gray of an image is its position; its label is the last digit before the dot of its name.
    private void Put(params string[] names) => File.WriteAllBytes(
        folder.PathOf("a.tar"),
        TarReaderTests.Archive(TarEntryFormat.Ustar,
            [.. names.Select((name, i) => (name, name.EndsWith(".cls", StringComparison.Ordinal)
                ? [(byte)('0' + (i / 2))]
                : ShardFolder.Image(i)))]));

    private ShardedImages Open(ShardOptions? options = null) =>
        ShardedImages.Open(folder.PathOf("a.tar"), ShardFolder.Preparation, options ?? folder.Options,
            TestContext.Current.CancellationToken);
}
