using System.IO.Compression;

namespace Diffusion.Data.Tests.Shards;

/// <summary>Caches of a shard are used only for that version of the shard.</summary>
public sealed class ShardBindingTests : IDisposable
{
    private static readonly DateTime Dated = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private readonly ShardFolder folder = new();

    private string Tar => folder.PathOf("shards", "a.tar");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_replaced_shard_of_equal_length_and_date_has_its_own_labels(bool isPacked)
    {
        Put("012", isPacked);
        Labels().Should().Equal(0, 1, 2);
        Labels().Should().Equal(0, 1, 2);
        Put("210", isPacked);
        Labels().Should().Equal(2, 1, 0);
    }

    [Fact]
    public void The_index_of_another_shard_is_not_used()
    {
        folder.Write(3, perShard: 3);
        string written = folder.PathOf("shards", "shard-000000.tar");
        byte[] bytes = File.ReadAllBytes(written);
        int label = bytes.AsSpan().IndexOf("000000.cls"u8) + 512;
        bytes[label] = (byte)'2';
        File.WriteAllBytes(written, bytes);
        File.SetLastWriteTimeUtc(written, Dated);
        using ShardedImages images = Open(written);
        images.LabelOf(0).Should().Be(2);
    }

    [Fact]
    public void A_shard_overwritten_while_it_is_open_never_gives_a_wrong_label()
    {
        Put("012", isPacked: false);
        using ShardedImages images = Open(Tar);
        images.LabelOf(0).Should().Be(0);
        Put("210", isPacked: false);
        FluentActions.Invoking(() => images.LabelOf(0)).Should().Throw<ImageDataException>()
            .WithMessage("*have changed since the shards were opened*");
        FluentActions.Invoking(() => ShardFolder.Read(images, 0)).Should().Throw<ImageDataException>();
    }

    [Fact]
    public void A_shard_remains_readable_when_its_permissions_change()
    {
        Put("012", isPacked: false);
        using ShardedImages images = Open(Tar);
        images.LabelOf(0).Should().Be(0);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Tar, UnixFileMode.UserRead);
        }

        (images.LabelOf(2), ShardFolder.Read(images, 2)[0]).Should().Be((2, 2));
    }

    [Fact]
    public void An_index_is_reused_once_the_shard_is_old_enough_to_detect_changes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems do not tell when a file was changed.");
        FileIdentity identity = Identity("012");
        ShardIndexCache first = Cache(TimeSpan.FromSeconds(3));
        first.Keep(Tar, identity, Contents());
        Cache(TimeSpan.FromSeconds(3)).TryRead(Tar, identity).Should().NotBeNull();

        // Another change at the same moment would be unnoticed, so only the source that scanned the shard uses the index.
        ShardIndexCache hasty = Cache(TimeSpan.Zero);
        hasty.Keep(Tar, identity, Contents());
        hasty.TryRead(Tar, identity).Should().NotBeNull();
        Cache(TimeSpan.FromSeconds(3)).TryRead(Tar, identity).Should().BeNull();
    }

    [Fact]
    public void The_identity_of_a_file_changes_with_its_bytes_whatever_its_date()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems do not tell when a file was changed.");
        FileIdentity before = Identity("012");
        File.ReadAllBytes(Tar);
        FileIdentity.Of(Tar).Should().Be(before);
        before.IsStrong.Should().BeTrue();
        (before.Length, before.Modified).Should().Be((new FileInfo(Tar).Length, (Dated - DateTime.UnixEpoch).Ticks * 100));
        Put("012", isPacked: false);
        FileIdentity after = FileIdentity.Of(Tar);
        (after with { Changed = before.Changed }).Should().Be(before, "dates and length are as they were");
        after.Stamp.Should().NotBe(before.Stamp);
    }

    [Fact]
    public void An_unpacked_copy_belongs_to_its_shard_and_damaged_copies_are_recreated()
    {
        Put("012", isPacked: true);
        Labels().Should().Equal(0, 1, 2);
        string copy = Directory.GetFiles(folder.Options.CacheFolder, "*.tar").Should().ContainSingle().Subject;
        File.WriteAllBytes(copy, File.ReadAllBytes(copy)[..2000]);
        Labels().Should().Equal(0, 1, 2);
        Put("210", isPacked: true);
        Labels().Should().Equal(2, 1, 0);
        Directory.GetFiles(folder.Options.CacheFolder, "*.tar").Should().ContainSingle("a shard has one copy");
    }

    [Fact]
    public void Copies_of_other_shards_are_deleted_when_space_is_needed()
    {
        Put("012", isPacked: true);
        Labels().Should().Equal(0, 1, 2);
        File.Move(Tar, folder.PathOf("shards", "b.tar"));
        using ShardedImages images = Open(folder.PathOf("shards", "b.tar"), folder.Options with { UnpackedCacheLimit = 1 });
        images.Count.Should().Be(3);
        Directory.GetFiles(folder.Options.CacheFolder, "*.tar").Should().ContainSingle();
    }

    private static byte[] Shard(string labels) => TarReaderTests.Archive(
        System.Formats.Tar.TarEntryFormat.Ustar,
        [.. labels.SelectMany((label, i) => ((string, byte[])[])[($"{i}.cls", [(byte)label]), ($"{i}.png", ShardFolder.Image(i))])]);

    // Writes in place with the same path, length and date, but at another tick of the file system's clock.
    private void Put(string labels, bool isPacked)
    {
        FileIdentity? before = File.Exists(Tar) ? FileIdentity.Of(Tar) : null;
        do
        {
            Overwrite(labels, isPacked);
        }
        while (before is { IsStrong: true } known && FileIdentity.Of(Tar) == known);
    }

    private void Overwrite(string labels, bool isPacked)
    {
        using (FileStream file = new(Tar, FileMode.OpenOrCreate))
        {
            using Stream target = isPacked ? new GZipStream(file, CompressionLevel.NoCompression, leaveOpen: true) : new MemoryStream();
            target.Write(Shard(labels));
            if (target is MemoryStream plain)
            {
                plain.WriteTo(file);
            }
        }

        File.SetLastWriteTimeUtc(Tar, Dated);
    }

    private FileIdentity Identity(string labels)
    {
        Put(labels, isPacked: false);
        return FileIdentity.Of(Tar);
    }

    private ShardContents Contents()
    {
        using FileStream stream = File.OpenRead(Tar);
        return ShardScanner.Scan(stream, Tar, TestContext.Current.CancellationToken);
    }

    private ShardIndexCache Cache(TimeSpan later) => new(new ShardCache(folder.Options.CacheFolder, new LaterTime(later)));

    private long[] Labels()
    {
        using ShardedImages images = Open(Tar);
        return [.. Enumerable.Range(0, 3).Select(i => images.LabelOf(i))];
    }

    private ShardedImages Open(string path, ShardOptions? options = null) =>
        ShardedImages.Open(path, ShardFolder.Preparation, options ?? folder.Options, TestContext.Current.CancellationToken);
}
