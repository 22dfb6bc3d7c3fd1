using System.Text;

namespace Diffusion.Data.Tests.Shards;

public sealed class ShardWriterTests : IDisposable
{
    private readonly ShardFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void GNU_tar_lists_and_unpacks_what_the_writer_writes()
    {
        using (ShardWriter writer = new(folder.PathOf("out", "x")[..^2]))
        {
            string longKey = string.Concat(Enumerable.Repeat("a-folder-of-a-name/", 20)) + "x";
            writer.Write("plain", new Dictionary<string, byte[]> { ["jpg"] = [1, 2], ["seg.png"] = [.. Enumerable.Repeat((byte)9, 5000)] });
            writer.Write(longKey, new Dictionary<string, byte[]> { ["jpg"] = [3] });
            writer.Write("schön", new Dictionary<string, byte[]> { ["jpg"] = [] });
            writer.Finish();
            Directory.CreateDirectory(folder.PathOf("unpacked", "x")[..^2]);
            string shard = folder.PathOf("out", "shard-000000.tar");
            GnuTar.Run(folder.Path, "-tvf", shard).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Should().HaveCount(4).And.OnlyContain(line => line.StartsWith("-r--r--r--") && line.Contains("1970"));
            GnuTar.Run(folder.PathOf("unpacked", "x")[..^2], "-xf", shard);
            File.ReadAllBytes(folder.PathOf("unpacked", "plain.seg.png")).Should().Equal(Enumerable.Repeat((byte)9, 5000));
            File.ReadAllBytes(folder.PathOf(["unpacked", .. $"{longKey}.jpg".Split('/')])).Should().Equal(3);
            File.Exists(folder.PathOf("unpacked", "schön.jpg")).Should().BeTrue();
        }
    }

    [Fact]
    public void Equal_samples_give_equal_bytes()
    {
        folder.Write(5, perShard: 3, name: "one");
        folder.Write(5, perShard: 3, name: "two");
        foreach (string number in (string[])["000000", "000001"])
        {
            File.ReadAllBytes(folder.PathOf("shards", $"one-{number}.tar")).Should()
                .Equal(File.ReadAllBytes(folder.PathOf("shards", $"two-{number}.tar")));
        }
    }

    [Fact]
    public void After_a_failed_shard_nothing_more_is_written_and_no_file_is_left()
    {
        using (ShardWriter writer = new(folder.PathOf("shards", "x")[..^2]))
        {
            writer.Write("a", new Dictionary<string, byte[]> { ["jpg"] = [1] });
            writer.Write("a", new Dictionary<string, byte[]> { ["jpg"] = [2] });
            FluentActions.Invoking(writer.Finish).Should().Throw<ImageDataException>().WithMessage("*two files '.jpg'*");
            FluentActions.Invoking(() => writer.Write("b", new Dictionary<string, byte[]> { ["jpg"] = [1] })).Should()
                .Throw<InvalidOperationException>();
            FluentActions.Invoking(writer.Finish).Should().Throw<InvalidOperationException>().WithMessage("*Shard 0 could not be written*");
        }

        Directory.GetFiles(folder.PathOf("shards")).Should().BeEmpty();
    }

    [Fact]
    public void Long_names_do_not_make_the_bytes_depend_on_the_process()
    {
        using ShardWriter writer = new(folder.PathOf("shards", "x")[..^2]);
        writer.Write(string.Concat(Enumerable.Repeat("folder/", 40)) + "schön", new Dictionary<string, byte[]> { ["jpg"] = [1] });
        writer.Finish();
        byte[] shard = File.ReadAllBytes(folder.PathOf("shards", "shard-000000.tar"));
        shard.AsSpan().IndexOf(Encoding.ASCII.GetBytes($".{Environment.ProcessId}/")).Should().Be(-1);
    }
}
