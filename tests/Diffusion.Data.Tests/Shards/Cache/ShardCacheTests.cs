using System.IO.Compression;

namespace Diffusion.Data.Tests.Shards;

public sealed class ShardCacheTests : IDisposable
{
    private readonly ShardFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a file")]
    [InlineData("below a file")]
    [InlineData("/proc/nowhere")]
    public void Without_a_usable_cache_folder_tar_files_work_and_others_are_an_error_that_names_it(string kind)
    {
        Assert.SkipWhen(kind == "/proc/nowhere" && !OperatingSystem.IsLinux(), "There is no /proc.");
        File.WriteAllText(folder.PathOf("file"), "x");
        string cache = kind switch { "a file" => folder.PathOf("file"), "below a file" => Path.Combine(folder.PathOf("file"), "cache"),
            _ => kind };
        ShardOptions options = new() { CacheFolder = cache };
        folder.Write(12, perShard: 5);

        using (ShardedImages images = Open(folder.PathOf("shards", "x")[..^2], options))
        {
            Enumerable.Range(0, 12).Should().OnlyContain(i => ShardFolder.Read(images, i)[0] == i && images.LabelOf(i) == i % 3);
        }

        string packed = folder.PathOf("packed", "a.tgz");
        ZipFile(folder.PathOf("shards", "shard-000000.tar"), packed);
        FluentActions.Invoking(() => Open(packed, options)).Should().Throw<ImageDataException>()
            .WithMessage($"*a.tgz*ShardOptions.CacheFolder ({cache}) cannot be used*");
        FluentActions.Invoking(() => Open("http://localhost:9/a.tar", options)).Should().Throw<ImageDataException>()
            .WithMessage("*ShardOptions.CacheFolder*cannot be used*");
    }

    [Fact]
    public void Files_of_killed_processes_are_deleted_but_not_files_being_written()
    {
        string cache = folder.Options.CacheFolder;
        string old = folder.PathOf("cache", "a.tar.b.tmp");
        string fresh = folder.PathOf("cache", "c.tar.d.tmp");
        File.WriteAllText(old, "x");
        File.WriteAllText(fresh, "x");
        File.SetLastWriteTimeUtc(old, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        new ShardCache(cache, TimeProvider.System).Require();
        (File.Exists(old), File.Exists(fresh)).Should().Be((false, true));
    }

    [Fact]
    public void A_failed_write_leaves_no_file()
    {
        ShardCache cache = new(folder.Options.CacheFolder, TimeProvider.System);
        FluentActions.Invoking(() => cache.Write(folder.PathOf("cache", "a.tar"), _ => throw new IOException("No space left on device.")))
            .Should().Throw<IOException>()
            .WithMessage("ShardOptions.CacheFolder*No space left on device*enough space*");
        Directory.GetFiles(cache.Folder).Should().BeEmpty();
    }

    [Fact]
    public void Creating_options_does_not_create_the_cache_folder()
    {
        string cache = new ShardOptions().CacheFolder;
        Path.IsPathFullyQualified(cache).Should().BeTrue();
        cache.Should().EndWith(Path.Combine("diffusion-net", "shards"));
        new ShardOptions { CacheFolder = "x" }.CacheFolder.Should().Be("x");
    }

    private static void ZipFile(string path, string target)
    {
        using FileStream file = File.Create(target);
        using GZipStream gzip = new(file, CompressionLevel.Fastest);
        gzip.Write(File.ReadAllBytes(path));
    }

    private static ShardedImages Open(string pattern, ShardOptions options) =>
        ShardedImages.Open(pattern, ShardFolder.Preparation, options, TestContext.Current.CancellationToken);
}
