using System.Formats.Tar;

namespace Diffusion.Data.Tests.Shards;

public sealed class ShardDamageTests : IDisposable
{
    private readonly ShardFolder folder = new();

    private string Shards => folder.PathOf("shards", "x")[..^2];

    private string Tar => folder.PathOf("shards", "shard-000000.tar");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_zeroed_header_in_the_middle_is_rejected()
    {
        folder.Write(6, 10);
        File.Delete(Tar + ".index");
        byte[] bytes = File.ReadAllBytes(Tar);
        int third = bytes.AsSpan().IndexOf("000003.cls"u8);
        bytes.AsSpan(third, 512).Clear();
        File.WriteAllBytes(Tar, bytes);
        ((Action)(() => Count())).Should().Throw<ImageDataException>()
            .WithMessage($"*shard-000000.tar: at byte {third + 512}: data follows the end marker*");
    }

    [Fact]
    public void Archives_joined_with_cat_are_rejected()
    {
        folder.Write(6, 3);
        string second = folder.PathOf("shards", "shard-000001.tar");
        byte[] joined = [.. File.ReadAllBytes(Tar), .. File.ReadAllBytes(second)];
        Directory.Delete(Shards, true);
        File.WriteAllBytes(folder.PathOf("shards", "j.tar"), joined);
        ((Action)(() => Count())).Should().Throw<ImageDataException>().WithMessage("*tar --concatenate*");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_index_with_a_damaged_body_is_recreated(bool beside)
    {
        folder.Write(6, 10);
        string index = Tar + ".index";
        if (!beside)
        {
            File.Delete(index);
            Count();
            index = Directory.GetFiles(folder.Options.CacheFolder, "*.index").Single();
        }

        byte[] bytes = File.ReadAllBytes(index);
        bytes[^3] ^= 0x10;
        File.WriteAllBytes(index, bytes);
        using ShardedImages images = ShardedImages.Open(Shards, ShardFolder.Preparation, folder.Options,
            TestContext.Current.CancellationToken);
        ShardFolder.Read(images, 5)[0].Should().Be(5);
    }

    [Fact]
    public void A_wrong_count_in_the_header_of_an_index_is_detected()
    {
        folder.Write(6, 10);
        byte[] bytes = File.ReadAllBytes(Tar + ".index");
        bytes[24].Should().Be(6);
        bytes[24] ^= 1;
        File.WriteAllBytes(Tar + ".index", bytes);
        Count().Should().Be(6);
    }

    [Fact]
    public void A_rewritten_shard_has_its_new_labels()
    {
        folder.Write(3, 10);
        byte[] bytes = File.ReadAllBytes(Tar);
        int cls = bytes.AsSpan().IndexOf("000000.cls"u8);
        bytes[cls + 512].Should().Be((byte)'0');
        bytes[cls + 512] = (byte)'2';
        File.WriteAllBytes(Tar, bytes);
        File.SetLastWriteTimeUtc(Tar, File.GetLastWriteTimeUtc(Tar).AddHours(1));
        using ShardedImages images = ShardedImages.Open(Shards, ShardFolder.Preparation, folder.Options,
            TestContext.Current.CancellationToken);
        images.LabelOf(0).Should().Be(2);
    }

    [Fact]
    public void Binary_attributes_of_files_do_not_matter()
    {
        using MemoryStream memory = new();
        using (TarWriter writer = new(memory, TarEntryFormat.Pax, leaveOpen: true))
        {
            Dictionary<string, string> attributes = new() { ["SCHILY.xattr.user.a"] = "QQQQ" };
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "a.png",
                attributes) { DataStream = new MemoryStream(ShardFolder.Image(1)) });
        }

        byte[] bytes = memory.ToArray();
        bytes.AsSpan(bytes.AsSpan().IndexOf("QQQQ"u8), 4).Fill(0xFF);
        File.WriteAllBytes(folder.PathOf("shards", "x.tar"), bytes);
        Count().Should().Be(1);
    }

    [Fact]
    public void The_images_of_a_shard_deleted_after_opening_are_bad_images()
    {
        folder.Write(3, 10);
        using ShardedImages images = ShardedImages.Open(Shards, ShardFolder.Preparation, folder.Options,
            TestContext.Current.CancellationToken);
        File.Delete(Tar);
        Action read = () => ShardFolder.Read(images, 0);
        read.Should().Throw<ImageDataException>();
    }

    [Fact]
    public void A_global_PAX_header_is_applied()
    {
        using MemoryStream memory = new();
        using (TarWriter writer = new(memory, TarEntryFormat.Pax, leaveOpen: true))
        {
            writer.WriteEntry(new PaxGlobalExtendedAttributesTarEntry(new Dictionary<string, string> { ["path"] = "all.png" }));
            writer.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "b.png") { DataStream = new MemoryStream(ShardFolder.Image(1)) });
        }

        List<string> names = [];
        TarReader reader = new(new MemoryStream(memory.ToArray()), "x");
        while (reader.TryReadNext(out TarEntry entry))
        {
            names.Add(entry.Name);
        }

        names.Should().Equal("all.png");
    }

    private long Count()
    {
        using ShardedImages images = ShardedImages.Open(Shards, ShardFolder.Preparation, folder.Options,
            TestContext.Current.CancellationToken);
        return images.Count;
    }
}
