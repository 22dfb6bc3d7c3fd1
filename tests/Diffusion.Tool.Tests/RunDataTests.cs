using Diffusion.Data;
using Diffusion.Tool.RunFiles;
using Diffusion.Tool.Running;

namespace Diffusion.Tool.Tests;

public sealed class RunDataTests : IDisposable
{
    private readonly SmallPhotos photos = new();

    [Theory]
    [InlineData("data.augmentation.flip=2", "data.augmentation: ")]
    [InlineData("data.augmentation.randomSquare=0", "data.augmentation: ")]
    [InlineData("data.size=null", "data.size is missing.")]
    [InlineData("network.patchSize=3", "network: ")]
    public void Values_that_do_not_fit_the_images_are_exit_code_2(string setting, string expected)
    {
        ToolRun run = ToolRun.Of("train", photos.RunFile, "--set", setting);

        (run.ExitCode, run.Output).Should().Be((2, ""));
        run.Errors.TrimEnd().Should().StartWith($"error: {expected}").And.NotContain("\n");
        Directory.Exists(photos.Run).Should().BeFalse("nothing was started");
    }

    [Fact]
    public void Transforms_apply_to_files_and_to_images_in_memory()
    {
        DataSection data = new()
        {
            Path = photos.Images,
            Size = 8,
            Augmentation = new AugmentationSection { RandomSquare = 0.5, Flip = 0.5, Brightness = 0.1 },
        };
        using IImageSource files = RunData.Open(data, TestContext.Current.CancellationToken);
        data.InMemory = true;
        using IImageSource memory = RunData.Open(data, TestContext.Current.CancellationToken);

        files.Transforms.Should().HaveCount(3).And.OnlyContain(transform => transform.IsRandom);
        data.Augmentation = new AugmentationSection();
        using IImageSource plain = RunData.Open(data, TestContext.Current.CancellationToken);
        plain.Should().BeOfType<InMemoryImages>();
        memory.Transforms.Select(transform => transform.Name).Should().Equal(files.Transforms.Select(transform => transform.Name));
    }

    [Fact]
    public void IDX_files_are_found_and_keep_their_size()
    {
        byte[] header = [0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 8];
        byte[] pixels = [.. Enumerable.Range(0, 4 * 64).Select(i => (byte)i)];
        string file = photos.PathOf("digits", "train-images-idx3-ubyte");
        File.WriteAllBytes(file, [.. header, .. pixels]);
        string folder = Path.GetDirectoryName(file)!;

        ToolRun.Succeed("data", "info", folder).Should().Contain("source     idx").And.Contain("images     4 of 1 x 8 x 8");
        ToolRun other = ToolRun.Of("train", photos.RunFile, "--set", $"data.path={folder}", "--set", "data.size=9");
        other.ExitCode.Should().Be(2);
        other.Errors.Should().Contain("data.size is 9, but the IDX files in").And.Contain("1 x 8 x 8");
    }

    [Theory]
    [InlineData("shards/{000..003}.tar", DataKind.Shards)]
    [InlineData("https://example.com/a.tar", DataKind.Shards)]
    [InlineData("a.tar.gz", DataKind.Shards)]
    [InlineData("photos", DataKind.Folder)]
    public void The_kind_of_a_source_is_found_out(string path, object expected) =>
        RunData.KindOf(new DataSection { Path = path }).Should().Be((DataKind)expected);

    public void Dispose() => photos.Dispose();
}
