using System.IO.Compression;
using System.Text;

namespace Diffusion.Data.Tests.Shards;

/// <summary>Shards are recognized by their bytes, whatever their names.</summary>
public sealed class ShardFormatTests : IDisposable
{
    private readonly ShardFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("a.tgz", true)]
    [InlineData("a.TGZ", true)]
    [InlineData("a.Tar.Gz", true)]
    [InlineData("a.tar", true)]
    [InlineData("a.tar.gz", false)]
    [InlineData("a.bin", true)]
    public void Gzip_is_detected_by_its_first_bytes(string name, bool isPacked)
    {
        File.WriteAllBytes(folder.PathOf("shards", name), isPacked ? Packed(Shard()) : Shard());
        using ShardedImages images = Open(name);
        Enumerable.Range(0, 6).Select(i => (int)ShardFolder.Read(images, i)[0]).Should().Equal(Enumerable.Range(0, 6));
    }

    [Fact]
    public void A_gzip_file_with_several_members_is_read_completely()
    {
        byte[] shard = Shard();
        byte[] parts = [.. shard.Chunk(1500).SelectMany(Packed), .. Packed([])];
        File.WriteAllBytes(folder.PathOf("shards", "a.tar.gz"), parts);
        using ShardedImages images = Open("a.tar.gz");
        (images.Count, ShardFolder.Read(images, 5)[0]).Should().Be((6, 5));
    }

    [Theory]
    [InlineData("zeros")]
    [InlineData("text")]
    public void Data_after_the_last_member_of_a_gzip_file_is_ignored(string kind)
    {
        byte[] rest = kind == "zeros" ? new byte[10_240] : Encoding.ASCII.GetBytes(new string('x', 700));
        File.WriteAllBytes(folder.PathOf("shards", "a.tar.gz"), [.. Packed(Shard()), .. rest]);
        using ShardedImages images = Open("a.tar.gz");
        images.Count.Should().Be(6);
    }

    [Fact]
    public void A_truncated_gzip_file_is_rejected()
    {
        byte[] packed = Packed(Shard());
        for (int length = 30; length < packed.Length - 8; length += 97)
        {
            File.WriteAllBytes(folder.PathOf("shards", "a.tar.gz"), packed[..length]);
            FluentActions.Invoking(() => Open("a.tar.gz")).Should().Throw<ImageDataException>().WithMessage("*a.tar.gz*");
        }

        File.WriteAllBytes(folder.PathOf("shards", "a.tar.gz"), Packed(packed));
        FluentActions.Invoking(() => Open("a.tar.gz")).Should().Throw<ImageDataException>().WithMessage("*gzip file inside a gzip file*");
    }

    [Theory]
    [InlineData("28B52FFD00", "Zstandard")]
    [InlineData("425A683931", "bzip2")]
    [InlineData("FD377A585A00", "xz")]
    [InlineData("504B030414", "zip")]
    [InlineData("377ABCAF271C", "7z")]
    [InlineData("76657273696F6E2068747470733A2F2F6769742D6C66732E6769746875622E636F6D2F737065632F76310A6F6964207368613235363A616263640A",
        "git lfs pull")]
    public void Other_files_instead_of_a_shard_are_an_error_with_their_format(string hex, string said)
    {
        File.WriteAllBytes(folder.PathOf("shards", "a.tar"), Convert.FromHexString(hex));
        FluentActions.Invoking(() => Open("a.tar")).Should().Throw<ImageDataException>().WithMessage($"*a.tar*{said}*");
    }

    private static byte[] Shard() => TarReaderTests.Archive(
        System.Formats.Tar.TarEntryFormat.Ustar, [.. Enumerable.Range(0, 6).Select(i => ($"{i}.png", ShardFolder.Image(i)))]);

    private static byte[] Packed(byte[] bytes)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        // .NET writes no member for empty content; other programs write an empty member.
        return bytes.Length > 0 ? packed.ToArray() : Convert.FromHexString("1F8B08000000000000030300" + "0000000000000000");
    }

    private ShardedImages Open(string name) =>
        ShardedImages.Open(folder.PathOf("shards", name), ShardFolder.Preparation, folder.Options, TestContext.Current.CancellationToken);
}
