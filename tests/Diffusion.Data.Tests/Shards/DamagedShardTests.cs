namespace Diffusion.Data.Tests.Shards;

/// <summary>Three shards of eight samples; the second one is damaged.</summary>
public sealed class DamagedShardTests : IDisposable
{
    private const int Bad = 11;
    private const int BatchSize = 4;
    private const string Unreadable = "1 of its samples cannot be read: 000011 (";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly SeedStream Seeds = new(3);

    private readonly ShardFolder folder = new();
    private readonly List<BadImage> bad = [];

    public static TheoryData<string, string, BadImagePolicy> OfShards => With(
        ("truncated", "truncated"), ("interleaved key", "sample '000008' are not contiguous"), ("duplicate suffix", "two files '.png'"),
        ("wrong checksum", "a header has the checksum"), ("claims 2 GB", "claims 2147483648 bytes"), ("empty", "the file is empty"),
        ("no tar", "is not a tar"));

    public static TheoryData<string, string, BadImagePolicy> OfLabels => With(("bad label", Unreadable), ("bad json", Unreadable));

    public static TheoryData<string, string, BadImagePolicy> OfImages => With(
        ("zero bytes", "empty"), ("truncated JPEG", "truncated"), ("truncated PNG", "truncated"), ("30,000 x 30,000", "30000 x 30000"),
        ("text", "not an image"), ("no image", "no image file"));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Pattern => Path.Combine(folder.Path, "shard-{000000..000002}.tar");

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(OfShards))]
    public Task A_damaged_shard_is_an_error_at_opening_or_is_skipped_and_listed(string damage, string reason, BadImagePolicy policy) =>
        Patiently(() =>
    {
        Write(ShardDamage.OfShard(damage, ShardDamage.Samples));
        string path = Path.Combine(folder.Path, "shard-000001.tar");
        FluentActions.Invoking(() => Open(skipDamaged: false)).Should().Throw<ImageDataException>()
            .Which.Reason.Should().StartWith("1 of 3 shards are damaged").And.Contain(path).And.Contain(reason);

        using ShardedImages images = Open(skipDamaged: true);
        images.Damaged.Should().ContainSingle().Which.Should()
            .Match<ImageDataException>(problem => problem.Path == path && problem.Reason.Contains(reason));
        (images.Count, images.ClassCount).Should().Be((16, 3));
        using BatchLoader loader = Loader(images, policy);
        Epoch(loader, batches: 4).Should().BeEquivalentTo(Enumerable.Range(0, 8).Concat(Enumerable.Range(16, 8)));
        (loader.Images, loader.BadImages, bad.Count).Should().Be((16, 0, 0));
    });

    [Theory]
    [MemberData(nameof(OfLabels))]
    public Task A_sample_with_an_invalid_label_is_an_error_at_opening_or_is_skipped_and_listed(string damage, string reason,
        BadImagePolicy policy) => Patiently(() =>
    {
        Write(ShardDamage.OfShard(damage, ShardDamage.Samples));
        FluentActions.Invoking(() => Open(skipDamaged: false)).Should().Throw<ImageDataException>()
            .Which.Reason.Should().StartWith("1 of 3 shards are damaged").And.Contain(reason);

        // The second opening uses the index.
        for (int opening = 0; opening < 2; opening++)
        {
            using ShardedImages images = Open(skipDamaged: true);
            images.Damaged.Should().ContainSingle().Which.Reason.Should().StartWith(reason);
            (images.Count, images.ClassCount).Should().Be((23, 3));
            using BatchLoader loader = Loader(images, policy);
            int[] expected = [.. Enumerable.Range(0, 24).Where(number => number != Bad)];
            Epoch(loader, batches: 6)[..23].Should().BeEquivalentTo(expected);
            (loader.BadImages, bad.Count).Should().Be((0, 0));
        }

        using ShardedImages mapped = Open(skipDamaged: false, map: sample => ("png", sample.Label is null ? 1 : 0));
        (mapped.Count, mapped.ClassCount, mapped.Damaged.Count).Should().Be((24, 2, 0));
        mapped.LabelOf(Bad).Should().Be(1);
    });

    [Theory]
    [MemberData(nameof(OfImages))]
    public Task A_damaged_image_is_counted_once_and_handled_by_the_policy(
        string damage, string reason, BadImagePolicy policy) => Patiently(() =>
    {
        Write(ShardDamage.Shard(ShardDamage.Samples, $"{Bad:D6}.png", ShardDamage.OfImage(damage)));
        using ShardedImages images = Open(skipDamaged: false);
        (images.Count, images.Damaged.Count).Should().Be((24, 0));
        SampleOrder order = new(Seeds, 24);
        int position = Enumerable.Range(0, 24).Single(place => order.IndexAt(place) == Bad);
        using BatchLoader loader = Loader(images, policy);

        if (policy == BadImagePolicy.Throw)
        {
            Epoch(loader, position / BatchSize).Should().NotContain(Bad);
            FluentActions.Invoking(() => loader.Next(Token)).Should().Throw<ImageDataException>()
                .Which.Should().Match<ImageDataException>(problem => problem.Path == images.NameOf(Bad) && problem.Reason.Contains(reason));
            (loader.Images, loader.BadImages, bad.Count).Should().Be((position / BatchSize * BatchSize, 0, 0));
            return;
        }

        List<int> seen = Epoch(loader, batches: 6);
        BadImage told = bad.Should().ContainSingle().Which;
        (told.Position, told.Index, told.Name).Should().Be((position, Bad, images.NameOf(Bad)));
        told.Name.Should().Contain("shard-000001.tar, sample 000011");
        told.Reason.Should().Contain(reason);
        loader.BadImages.Should().Be(1);
        loader.Images.Should().Be(policy == BadImagePolicy.Replace ? 24 : 23);
        List<int> expected = [.. Enumerable.Range(0, 24).Select(place => (int)order.IndexAt(place))];
        expected.RemoveAt(position);
        if (policy == BadImagePolicy.Replace)
        {
            expected.Insert(position, (int)told.Replacement!.Value);
        }

        seen.Should().Equal(expected);
        told.Replacement.HasValue.Should().Be(policy == BadImagePolicy.Replace);
    });

    [Theory]
    [InlineData("gone")]
    [InlineData("cut")]
    [InlineData("no tar")]
    [InlineData("another")]
    public Task The_images_of_a_shard_that_is_damaged_after_opening_are_bad_images(string damage) => Patiently(() =>
    {
        Write(ShardDamage.Shard(ShardDamage.Samples));
        using ShardedImages images = Open(skipDamaged: false);
        string path = Path.Combine(folder.Path, "shard-000001.tar");
        File.Delete(path);
        if (damage != "gone")
        {
            byte[] shard = ShardDamage.Shard(ShardDamage.Samples);
            File.WriteAllBytes(path, damage switch
            {
                "cut" => shard[..3000],
                "no tar" => ShardDamage.OfShard(damage, 0),
                _ => shard[2048..],
            });
        }

        using BatchLoader loader = Loader(images, BadImagePolicy.Skip);
        Epoch(loader, batches: 6).Should().BeEquivalentTo(Enumerable.Range(0, 8).Concat(Enumerable.Range(16, 8)));
        (loader.Images, loader.BadImages).Should().Be((16, 8));
        bad.Select(image => image.Index).Should().BeEquivalentTo(Enumerable.Range(8, 8));
        bad.Should().OnlyContain(image => image.Name.Contains("shard-000001.tar, sample number"));
    });

    private static TheoryData<string, string, BadImagePolicy> With(params (string Damage, string Reason)[] kinds)
    {
        TheoryData<string, string, BadImagePolicy> rows = [];
        foreach ((string damage, string reason) in kinds)
        {
            Array.ForEach(Enum.GetValues<BadImagePolicy>(), policy => rows.Add(damage, reason, policy));
        }

        return rows;
    }

    private static Task Patiently(Action check) => Task.Run(check, Token).WaitAsync(Patience, Token);

    // The gray values of the images in a number of batches.
    private static List<int> Epoch(BatchLoader loader, int batches)
    {
        List<int> seen = [];
        for (int i = 0; i < batches; i++)
        {
            using ImageBatch batch = loader.Next(Token);
            seen.AddRange(batch.Pixels.data<float>().ToArray().Chunk(16).Select(image => (int)Math.Round((image[0] + 1) * 127.5)));
        }

        return seen;
    }

    private void Write(byte[] second)
    {
        File.WriteAllBytes(folder.PathOf("shard-000000.tar"), ShardDamage.Shard(0));
        File.WriteAllBytes(folder.PathOf("shard-000001.tar"), second);
        File.WriteAllBytes(folder.PathOf("shard-000002.tar"), ShardDamage.Shard(2 * ShardDamage.Samples));
    }

    private ShardedImages Open(bool skipDamaged, Func<ShardSample, (string Extension, int? Label)>? map = null) =>
        ShardedImages.Open(Pattern, ShardFolder.Preparation, folder.Options with { SkipDamaged = skipDamaged, Map = map }, Token);

    private BatchLoader Loader(ShardedImages images, BadImagePolicy policy) => new(
        images, new SampleOrder(Seeds, images.Count), new BatchPlan { StepSize = BatchSize, BatchSize = BatchSize }, Seeds,
        new LoadingOptions { Workers = 2, BadImages = policy }, onBadImage: bad.Add);
}
