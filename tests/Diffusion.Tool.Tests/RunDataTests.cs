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
    [InlineData("network.unet.normNumGroups=5", "network: No U-Net can be built with these options: - blockOutChannels has 64, but must "
        + "have multiples of normNumGroups (5).")]
    [InlineData("data.shards.skipDamaged=true", "data.shards.skipDamaged is given, but data.source is Folder, and only shards have it. "
        + "Leave it out, or set data.source to shards.")]
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

    [Fact]
    public void The_options_of_shards_reach_them()
    {
        string folder = photos.PathOf("shards");
        ToolRun.Succeed("data", "shards", photos.Images, folder);
        DataSection data = new() { Path = folder, Size = 8, Shards = new ShardSection { ClassCount = 5, ImageExtensions = [".PNG"] } };
        using (IImageSource images = RunData.Open(data, TestContext.Current.CancellationToken))
        {
            (images.Count, images.ClassCount).Should().Be((12, 5));
        }

        data.Shards.ImageExtensions = ["jpg"];
        FluentActions.Invoking(() => RunData.Open(data, TestContext.Current.CancellationToken)).Should().Throw<ImageDataException>();

        ShardOptions options = new ShardSection
        {
            CacheFolder = "cache", MaxUnpackedBytes = 1, UnpackedCacheLimit = 2, RemoteCacheLimit = 3, SkipDamaged = true,
        }.Create("train");
        (options.CacheFolder, options.MaxUnpackedBytes, options.UnpackedCacheLimit, options.RemoteCacheLimit, options.SkipDamaged)
            .Should().Be(("cache", 1, 2, 3, true));
        options.Split.Should().Be("train");
        new ShardSection().Create(split: null).ToString().Should().Be(new ShardOptions().ToString());
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
