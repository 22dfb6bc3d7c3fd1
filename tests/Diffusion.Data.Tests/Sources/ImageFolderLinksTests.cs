using Diffusion.TestKit;

namespace Diffusion.Data.Tests;

public sealed class ImageFolderLinksTests : IDisposable
{
    private static readonly byte[] Png = ImageCodec.Encode(new DecodedImage(1, 1, 1, [9]));

    private readonly TemporaryFolder temporary = new();
    private readonly string root;

    public ImageFolderLinksTests() => root = Path.Combine(temporary.Path, "set");

    public void Dispose() => temporary.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Links_to_a_parent_folder_add_nothing_and_are_reported(int links)
    {
        Save("set/cat/a.png", "set/dog/b.png");
        Link("set/cat/up", "..");
        if (links == 2)
        {
            Link("set/dog/up", "..");
        }

        using ImageFolder images = ImageFolder.Open(root, 8);
        Names(images).Should().Equal("cat/a.png", "dog/b.png");
        Labels(images).Should().Equal(0, 1);
        Skipped(images, "contains them").Examples.Should().Equal(((string[])["cat/up", "dog/up"]).Take(links));
    }

    [Fact]
    public void A_link_to_a_folder_that_contains_the_root_is_not_followed()
    {
        Save("set/cat/a.png", "set/dog/b.png", "other.png");
        Link("set/cat/up", "../..");
        Link("set/dog/self", ".");
        using ImageFolder images = ImageFolder.Open(root, 8);
        Names(images).Should().Equal("cat/a.png", "dog/b.png");
        Skipped(images, "contains them").Count.Should().Be(2);
    }

    [Fact]
    public void A_link_to_a_sibling_does_not_give_its_images_another_label()
    {
        Save("set/cat/a.png", "set/dog/b.png", "set/dog/deep/c.png");
        Link("set/animal", "dog");
        Link("set/cat/dogs", "../dog/deep");
        using ImageFolder images = ImageFolder.Open(root, 8);
        Names(images).Should().Equal("cat/a.png", "dog/b.png", "dog/deep/c.png");
        images.ClassNames.Should().Equal("cat", "dog");
        Skipped(images, "already used").Examples.Should().Equal("animal", "cat/dogs");
    }

    [Fact]
    public void A_folder_elsewhere_is_read_through_its_first_link()
    {
        Save("set/cat/a.png", "elsewhere/b.png", "elsewhere/deep/c.png");
        Link("set/dog", "../elsewhere");
        Link("set/wolf", "../elsewhere");
        using ImageFolder images = ImageFolder.Open(root, 8);
        Names(images).Should().Equal("cat/a.png", "dog/b.png", "dog/deep/c.png");
        Labels(images).Should().Equal(0, 1, 1);
        Skipped(images, "already used").Examples.Should().Equal("wolf");
        images.Read(1, new byte[images.Shape.Elements], cancellationToken: TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_folder_with_its_own_link_is_not_read_through_a_link_to_its_parent()
    {
        Save("set/cat/a.png", "elsewhere/b.png", "elsewhere/dog/c.png");
        Link("set/all", "../elsewhere");
        Link("set/dog", "../elsewhere/dog");
        using ImageFolder images = ImageFolder.Open(root, 8);
        Names(images).Should().Equal("all/b.png", "cat/a.png", "dog/c.png");
        Skipped(images, "already used").Examples.Should().Equal("all/dog");
    }

    [Fact]
    public void Loops_of_links_outside_the_folder_end()
    {
        Save("set/cat/a.png", "one/b.png", "two/c.png");
        Link("set/one", "../one");
        Link("one/two", "../two");
        Link("two/one", "../one");
        Link("two/set", "../set");
        using ImageFolder images = ImageFolder.Open(root, 8);
        Names(images).Should().Equal("cat/a.png", "one/b.png", "one/two/c.png");
        images.Report.SkippedCount.Should().Be(2);
    }

    [Fact]
    public void A_linked_file_is_an_image_unless_its_target_is_already_used()
    {
        Save("set/cat/a.png", "set/dog/b.png", "elsewhere/c.png", "elsewhere/0123abcd");
        Link("set/cat/again.png", "../dog/b.png");
        Link("set/cat/c.png", "../../elsewhere/c.png");
        Link("set/dog/stored.png", "../../elsewhere/0123abcd");
        using ImageFolder images = ImageFolder.Open(root, 8);
        Names(images).Should().Equal("cat/a.png", "cat/c.png", "dog/b.png", "dog/stored.png");
        Skipped(images, "already used").Examples.Should().Equal("cat/again.png");
    }

    [Fact]
    public void Broken_links_are_reported()
    {
        Save("set/cat/a.png", "set/dog/b.png");
        Link("set/cat/gone.png", "../nothing.png");
        Link("set/bird", "/not/mounted/bird");
        Link("set/dog/circle.png", "circle.png");
        using ImageFolder images = ImageFolder.Open(root, 8);
        Names(images).Should().Equal("cat/a.png", "dog/b.png");
        Skipped(images, "broken links").Examples.Should().BeEquivalentTo("bird", "cat/gone.png", "dog/circle.png");
    }

    [Fact]
    public void A_root_that_is_a_link_is_the_folder_itself()
    {
        Save("set/cat/a.png", "set/dog/b.png");
        Link("set/cat/up", "..");
        Link("linked", "set");
        using ImageFolder images = ImageFolder.Open(Path.Combine(temporary.Path, "linked"), 8);
        images.Files.Should().Equal(Path.Combine(temporary.Path, "linked", "cat", "a.png"),
            Path.Combine(temporary.Path, "linked", "dog", "b.png"));
        Skipped(images, "contains them").Examples.Should().Equal("cat/up");
    }

    [Fact]
    public void A_thousand_links_to_each_other_are_visited_once()
    {
        Save("set/cat/a.png", "set/dog/b.png");
        for (int i = 0; i < 1000; i++)
        {
            Save($"far/{i}/x.png");
            Link($"set/cat/{i}", $"../../far/{i}");
            Link($"far/{i}/next", $"../{(i + 1) % 1000}");
            Link($"far/{i}/up", "..");
        }

        using ImageFolder images = ImageFolder.Open(root, 8);
        images.Count.Should().Be(1002);
        images.Report.SkippedCount.Should().Be(2000);
    }

    private static IEnumerable<long> Labels(ImageFolder images) => Enumerable.Range(0, (int)images.Count).Select(i => images.LabelOf(i));

    private static SkippedImages Skipped(ImageFolder images, string reason) =>
        images.Report.Skipped.Single(part => part.Reason.Contains(reason, StringComparison.Ordinal));

    private IEnumerable<string> Names(ImageFolder images) => images.Files.Select(file => Path.GetRelativePath(root, file));

    private void Save(params string[] names)
    {
        foreach (string name in names)
        {
            File.WriteAllBytes(temporary.File(name), Png);
        }
    }

    private void Link(string name, string target)
    {
        string path = temporary.File(name);
        bool isFile = Path.HasExtension(name);
        _ = isFile ? File.CreateSymbolicLink(path, target) : Directory.CreateSymbolicLink(path, target);
    }
}
