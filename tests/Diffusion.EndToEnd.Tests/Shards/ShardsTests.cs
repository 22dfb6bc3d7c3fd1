using Diffusion.Data;
using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.EndToEnd.Tests.Shards;

public sealed class ShardsTests : IDisposable
{
    private static readonly string Assembly = Path.Combine(
        BuildFacts.Repository, "samples", "Shards", "bin", BuildFacts.Configuration, "net10.0", "Shards.dll");

    private readonly TemporaryFolder folder = new();

    private string Images => folder.File("images", "x")[..^2];

    private string Out => Path.Combine(folder.Path, "out");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_folder_becomes_shards_with_identical_files_and_its_sub_folders_as_classes()
    {
        byte[][] files = WriteImages("cats/a.PNG", "cats/b.png", "dogs/a.png", "dogs/deeper/c.png", "eels/z.png");

        ChildProcess.Result result = await Run(Images, Out, "--samples-per-shard", "2");

        result.ExitCode.Should().Be(0, result.Errors);
        result.Output.Should().Contain($"3 shards, 5 samples, {files.Sum(file => file.Length) + 5} bytes, 3 classes in ");
        Directory.GetFiles(Out, "*.tar").Select(Path.GetFileName).Should()
            .BeEquivalentTo("shard-000000.tar", "shard-000001.tar", "shard-000002.tar");
        List<byte[]> copied = [];
        List<string> keys = [];
        using ShardedImages images = Open(new ShardOptions
        {
            CacheFolder = folder.File("cache", "x"),
            Where = sample =>
            {
                lock (copied)
                {
                    sample.Extensions.Should().BeEquivalentTo("png", "cls");
                    copied.Add(sample.Read("png"));
                    keys.Add(sample.Key);
                }

                return true;
            },
        });
        keys.Distinct().Should().BeEquivalentTo("000000000", "000000001", "000000002", "000000003", "000000004");
        copied.Should().OnlyContain(bytes => files.Any(file => file.SequenceEqual(bytes)));
        Enumerable.Range(0, 5).Select(i => (Gray(images, i), images.LabelOf(i))).Should().Equal((0, 0), (10, 0), (20, 1), (30, 1), (40, 2));
    }

    [Fact]
    public async Task A_seed_shuffles_and_the_same_seed_gives_the_same_bytes()
    {
        WriteImages([.. Enumerable.Range(0, 12).Select(i => $"{i:D2}.png")]);
        (await Run(Images, Out, "--shuffle", "7")).Output.Should().Contain("1 shards, 12 samples");
        (await Run(Images, Path.Combine(folder.Path, "again"), "--shuffle", "7")).ExitCode.Should().Be(0);

        byte[] first = await File.ReadAllBytesAsync(Path.Combine(Out, "shard-000000.tar"), TestContext.Current.CancellationToken);
        byte[] again = await File.ReadAllBytesAsync(Path.Combine(folder.Path, "again", "shard-000000.tar"),
            TestContext.Current.CancellationToken);
        again.Should().Equal(first);
        using ShardedImages images = Open(new ShardOptions { CacheFolder = folder.File("cache", "x") });
        images.ClassCount.Should().BeNull();
        int[] grays = [.. Enumerable.Range(0, 12).Select(i => Gray(images, i))];
        grays.Should().BeEquivalentTo(Enumerable.Range(0, 12).Select(i => 10 * i)).And.NotBeInAscendingOrder();
    }

    [Theory]
    [InlineData("missing", "out", "the folder does not exist")]
    [InlineData("empty", "out", "contain no images")]
    [InlineData("images", "used", "already contains shards with this name")]
    [InlineData("images", "images/a.png", "a.png")]
    [InlineData("images", "out --samples-per-shard 0", "maxSamples")]
    [InlineData("images", "out --shuffle often", "often")]
    [InlineData("images", "", "out")]
    public async Task Bad_input_is_one_clear_line(string images, string rest, string expected)
    {
        WriteImages("a.png");
        Directory.CreateDirectory(Path.Combine(folder.Path, "empty"));
        await File.WriteAllBytesAsync(folder.File("used", "shard-000000.tar"), [], TestContext.Current.CancellationToken);
        string[] parts = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] output = parts.Length == 0 ? [] : [Path.Combine(folder.Path, parts[0]), .. parts[1..]];

        ChildProcess.Result result = await Run([Path.Combine(folder.Path, images), .. output]);

        result.ExitCode.Should().Be(rest.Contains("often") || rest.Length == 0 ? 2 : 1, result.Output);
        result.Errors.Trim().Split('\n').Should().ContainSingle().Which.Should().Contain(expected);
    }

    private static Task<ChildProcess.Result> Run(params string[] arguments) => ChildProcess.Dotnet(["exec", Assembly, .. arguments]);

    private static int Gray(ShardedImages images, int index)
    {
        byte[] pixels = new byte[images.Shape.Elements];
        images.Read(index, pixels);
        return pixels[0];
    }

    private ShardedImages Open(ShardOptions options) =>
        ShardedImages.Open(Out, new ImagePreparation { Size = 4, Channels = 1 }, options, TestContext.Current.CancellationToken);

    // Each image has one gray value: 0, 10, 20, ...
    private byte[][] WriteImages(params string[] names) => [.. names.Select((name, number) =>
    {
        string path = folder.File(["images", .. name.Split('/')]);
        ImageCodec.Save(new DecodedImage(4, 4, 1, [.. Enumerable.Repeat((byte)(10 * number), 16)]), path);
        return File.ReadAllBytes(path);
    })];
}
