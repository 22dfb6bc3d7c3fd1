namespace Diffusion.Tool.Tests;

public sealed class DataCommandTests : IDisposable
{
    private readonly SmallPhotos photos = new();

    [Fact]
    public void Info_counts_the_images_of_each_class()
    {
        string output = ToolRun.Succeed("data", "info", photos.Images, "--size", "8");

        output.Should().Contain("source     folder").And.Contain("classes    2, with 6 to 6 images").And.Contain("cats")
            .And.Contain("decoded    12 images, 0 of them unreadable");
    }

    [Fact]
    public void Info_names_an_image_that_cannot_be_read()
    {
        string broken = Path.Combine(photos.Images, "cats", "0.png");
        File.WriteAllBytes(broken, File.ReadAllBytes(broken)[..60]);

        ToolRun run = ToolRun.Of("data", "info", photos.Images, "--size", "8");

        run.ExitCode.Should().Be(1);
        run.Output.Should().Contain("unreadable ").And.Contain("0.png").And.Contain("1 of them unreadable");
    }

    [Fact]
    public void A_preview_is_a_picture_of_the_images()
    {
        ToolRun.Succeed("data", "preview", photos.Images, "--count", "4", "--size", "8", "--out", photos.PathOf("preview.png"));

        File.Exists(photos.PathOf("preview.png")).Should().BeTrue();
    }

    [Fact]
    public void Shards_contain_the_images_and_their_classes_in_the_order_of_a_seed()
    {
        ToolRun.Succeed("data", "shards", photos.Images, photos.PathOf("shards"), "--samples-per-shard", "5", "--shuffle", "1").Should()
            .Contain("3 shards, 12 images in ");

        ToolRun.Succeed("data", "info", photos.PathOf("shards"), "--size", "8").Should()
            .Contain("source     shards").And.Contain("classes    2, with 6 to 6 images");
    }

    public void Dispose() => photos.Dispose();
}
