using System.IO.Compression;
using System.Text;
using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class RemoteVersionTests : IDisposable
{
    private static readonly RemoteShard First = RemoteShard.Of([0, 1, 2]);
    private static readonly RemoteShard Second = RemoteShard.Of([2, 1, 0]);
    private static readonly RemoteShard Higher = RemoteShard.Of([5, 4, 3]);
    private static readonly RemoteShard Longer = RemoteShard.Of([5, 4, 3, 2, 1]);

    private readonly TemporaryFolder folder = new();
    private readonly FetchTime time = new();

    public static TheoryData<string, string, string, string> Mistakes => new()
    {
        { "a.tar", "text/html", "<!DOCTYPE html><html><body>Please log in.</body></html>",
            "the server sent a web page*text/html*Please log in*" },
        { "a.tar", "application/x-tar", "\uFEFF\n <html>Please log in.", "the server sent a web page*<html>Please log in*" },
        { "a.tar", "text/html", "", "the server sent 0 bytes*" },
        { "a.tar", "application/json", "{\"error\": \"Repository not found\"}", "the server sent JSON*Repository not found*" },
        { "a.tar", "application/xml", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
            "the server sent an XML document*" },
        { "a.tar", "text/plain", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n",
            "the server sent a Git LFS pointer*" },
        { "a.tar", "application/x-tar", "gzip:anything", "gzip data instead of a tar*" },
        { "a.tar.gz", "text/html", "<html>Please log in.</html>", "the server sent a web page*" },
        { "a.tgz", "application/gzip", "gzip:<html>Please log in.</html>", "the server sent a web page*Please log in*" },
    };

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Anything_but_a_shard_is_an_error_and_is_not_kept(string name, string contentType,
        string text, string said)
    {
        bool isMended = false;
        byte[] good = name == "a.tar" ? First.Tar : Packed(First.Tar);
        using ScriptedServer server = new((request, _) =>
            request.Path.EndsWith(".index", StringComparison.Ordinal) ? new ServerReply { Status = 404 }
            : isMended ? new ServedFile(good, null).Answer(request)
            : new ServerReply { Body = BytesOf(text), Headers = [$"Content-Type: {contentType}"] });
        foreach (bool leaveOut in (bool[])[false, true])
        {
            FluentActions.Invoking(() => Open(server, name, leaveOut)).Should().Throw<ImageDataException>()
                .WithMessage("*cannot be read*" + said);
        }

        Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Should().NotContain(file => !file.EndsWith(".lock"));
        isMended = true;
        LabelsAt(server, name).Should().Equal(0, 1, 2);
    }

    [Fact]
    public void A_damaged_remote_shard_is_fetched_again_at_the_next_opening()
    {
        ServedFile served = new(First.Tar[..^1024], "\"1\"");
        using ScriptedServer server = new((request, _) => request.Path.EndsWith(".index", StringComparison.Ordinal)
            ? new ServerReply { Status = 404 }
            : served.Answer(request));
        FluentActions.Invoking(() => Open(server)).Should().Throw<ImageDataException>().WithMessage("*are damaged*");
        served = new ServedFile(First.Tar, "\"1\"");
        LabelsAt(server).Should().Equal(0, 1, 2);
    }

    [Theory]
    [InlineData("\"1\"", "\"2\"", true)]
    [InlineData(null, null, true)]
    [InlineData("\"1\"", "\"2\"", false)]
    [InlineData("W/\"1\"", "W/\"2\"", false)]
    public void A_replaced_shard_of_equal_length_has_its_new_labels_at_the_next_opening(string? before, string? after,
        bool hasIndex)
    {
        (RemoteShard now, string? tag) = (First, before);
        using ScriptedServer server = new((request, _) => now.Answer(request, tag, hasIndex));
        Open(server).Dispose();
        (now, tag) = (Second, after);
        LabelsAt(server).Should().Equal(2, 1, 0);
        LabelsAt(server).Should().Equal(2, 1, 0);
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void The_index_of_a_deleted_copy_is_not_used_for_another_version(bool isLonger, bool isNamed)
    {
        (RemoteShard now, string? tag) = (First, isNamed ? "\"1\"" : null);
        using ScriptedServer server = new((request, _) => now.Answer(request, tag, hasIndex: false));
        LabelsAt(server).Should().Equal(0, 1, 2);
        foreach (string file in Directory.GetFiles(folder.File("remote", "x")[..^2])
            .Where(file => !file.EndsWith(".index", StringComparison.Ordinal)))
        {
            File.Delete(file);
        }

        (now, tag) = (isLonger ? Longer : Higher, isNamed ? "\"2\"" : null);
        using ShardedImages images = Open(server);
        images.ClassCount.Should().Be(6);
        LabelsOf(images).Should().Equal(isLonger ? [5, 4, 3, 2, 1] : [5, 4, 3]);
    }

    [Fact]
    public void A_shard_replaced_while_it_is_open_is_an_error_and_never_gives_wrong_labels()
    {
        (RemoteShard now, string tag) = (First, "\"1\"");
        using ScriptedServer server = new((request, _) => now.Answer(request, tag));
        using (ShardedImages images = Open(server))
        {
            (now, tag) = (Higher, "\"2\"");
            images.ClassCount.Should().Be(3);
            FluentActions.Invoking(() => ShardFolder.Read(images, 0)).Should().Throw<ImageDataException>()
                .WithMessage("*has changed on the server since the shards were opened*");
        }

        LabelsAt(server).Should().Equal(5, 4, 3);
    }

    [Fact]
    public void An_index_that_contradicts_the_shard_is_an_error_and_is_not_used_again()
    {
        RemoteShard mixed = new(Second.Tar, First.Index);
        using ScriptedServer server = new((request, _) => mixed.Answer(request, "\"1\""));
        using (ShardedImages images = Open(server))
        {
            Exception? problem = null;
            while (problem is null)
            {
                TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
                problem = Record.Exception(() => ShardFolder.Read(images, 1));
            }

            problem.Should().BeOfType<ImageDataException>().Which.Message.Should()
                .Contain("its index on the server belongs to another version of the shard");
        }

        LabelsAt(server).Should().Equal(2, 1, 0);
    }

    [Fact]
    public void A_modified_copy_is_fetched_again()
    {
        using ScriptedServer server = new((request, _) => First.Answer(request, "\"1\"", hasIndex: false));
        LabelsAt(server);
        string copy = Directory.GetFiles(folder.File("remote", "x")[..^2]).Single(file => !Path.HasExtension(file));
        byte[] bytes = File.ReadAllBytes(copy);
        bytes[^1] ^= 1;
        File.WriteAllBytes(copy, bytes);
        File.SetLastWriteTimeUtc(copy, DateTime.UnixEpoch);
        LabelsAt(server).Should().Equal(0, 1, 2);
        File.ReadAllBytes(copy).Should().Equal(First.Tar);

        // A copy that was only touched is hashed and used.
        File.SetLastWriteTimeUtc(copy, DateTime.UnixEpoch);
        int requests = server.Requests.Count(RemoteShard.IsOfBytes);
        LabelsAt(server).Should().Equal(0, 1, 2);
        server.Requests.Count(RemoteShard.IsOfBytes).Should().Be(requests);
    }

    [Fact]
    public void Without_its_server_a_copy_is_used_with_a_warning()
    {
        CollectedLog log = new();
        string address;
        using (ScriptedServer server = new((request, _) => First.Answer(request, "\"1\"")))
        {
            address = server.Address("a.tar").ToString();
            using ShardedImages images = Open(address, log: log);
            images.Warnings.Should().BeEmpty();
            LabelsOf(images);
        }

        using ShardedImages again = Open(address, log: log);
        LabelsOf(again).Should().Equal(0, 1, 2);
        again.Warnings.Should().ContainSingle().Which.Should().StartWith(address).And.Contain("could not be reached");
        again.ToString().Should().Contain("could not be reached");
        log.Lines.Should().ContainSingle().Which.Should().Contain("could not be reached");
    }

    [Fact]
    public void A_refusal_of_the_server_is_an_error_even_with_a_copy()
    {
        bool isGone = false;
        using ScriptedServer server = new((request, _) => isGone ? new ServerReply { Status = 404 } : First.Answer(request, "\"1\""));
        LabelsAt(server);
        isGone = true;
        FluentActions.Invoking(() => Open(server)).Should().Throw<ImageDataException>().WithMessage("*404*Check the address*");
    }

    [Fact]
    public void An_address_with_a_new_signature_has_the_same_copy()
    {
        using ScriptedServer server = new((request, _) => First.Answer(request, "\"1\"", hasIndex: false));
        LabelsAt(server, "a.tar?X-Amz-Signature=1&X-Amz-Expires=9").Should().Equal(0, 1, 2);
        int requests = server.Requests.Count;
        foreach (string query in (string[])["?X-Amz-Signature=2", "?sig=3&se=4", ""])
        {
            LabelsAt(server, "a.tar" + query).Should().Equal(0, 1, 2);
        }

        server.Requests.Skip(requests).Should()
            .HaveCount(3).And.OnlyContain(request => RemoteShard.IsProbe(request), "the copy is of the same version");
        LabelsAt(server, "a.tar?part=2");
        server.Requests.Skip(requests + 3).Should().Contain(request => RemoteShard.IsOfBytes(request), "any other query is another file");
    }

    private static byte[] BytesOf(string text) =>
        text.StartsWith("gzip:", StringComparison.Ordinal) ? Packed(Encoding.UTF8.GetBytes(text[5..])) : Encoding.UTF8.GetBytes(text);

    private static byte[] Packed(byte[] bytes)
    {
        using MemoryStream packed = new();
        using (GZipStream stream = new(packed, CompressionMode.Compress))
        {
            stream.Write(bytes);
        }

        return packed.ToArray();
    }

    private long[] LabelsAt(ScriptedServer server, string name = "a.tar")
    {
        using ShardedImages images = Open(server, name);
        return LabelsOf(images);
    }

    // Reads the images too, so that labels and pixels belong to the same version.
    private static long[] LabelsOf(ShardedImages images)
    {
        Enumerable.Range(0, (int)images.Count).Should().OnlyContain(i => ShardFolder.Read(images, i).All(value => value == 10 + i));
        return [.. Enumerable.Range(0, (int)images.Count).Select(i => images.LabelOf(i))];
    }

    private ShardedImages Open(ScriptedServer server, string name = "a.tar", bool leaveOut = false) =>
        Open(server.Address(name).ToString(), leaveOut);

    private ShardedImages Open(string address, bool leaveOut = false, CollectedLog? log = null) => ShardedImages.Open(
        address, ShardFolder.Preparation, new ShardOptions
        {
            CacheFolder = folder.Path,
            SkipDamaged = leaveOut,
            Logger = log,
            Fetching = new RemoteFileOptions { Folder = folder.Path, StallTimeout = FetchTime.Stall, Time = time },
        }, TestContext.Current.CancellationToken);
}
