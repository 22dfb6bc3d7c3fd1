using Diffusion.TestKit;

namespace Diffusion.Data.Tests.Shards;

public sealed class ShardListTests
{
    [Theory]
    [InlineData("http://x/{8..10}.tar", "http://x/8.tar", "http://x/9.tar", "http://x/10.tar")]
    [InlineData("http://x/{08..10}.tar", "http://x/08.tar", "http://x/09.tar", "http://x/10.tar")]
    [InlineData("http://x/{000000..000001}.tar", "http://x/000000.tar", "http://x/000001.tar")]
    [InlineData("http://x/{2..0}", "http://x/2", "http://x/1", "http://x/0")]
    [InlineData("http://x/{a,b}-{0..1}.tar", "http://x/a-0.tar", "http://x/a-1.tar", "http://x/b-0.tar", "http://x/b-1.tar")]
    [InlineData("http://x/{a{0..1},b,}.tar", "http://x/a0.tar", "http://x/a1.tar", "http://x/b.tar", "http://x/.tar")]
    [InlineData("http://x/1.tar::https://y/2.tar", "http://x/1.tar", "https://y/2.tar")]
    [InlineData("http://[::1]:80/{1..2}.tar::http://[fe80::2]/3.tar", "http://[::1]:80/1.tar", "http://[::1]:80/2.tar",
        "http://[fe80::2]/3.tar")]
    public void Braces_expand_as_in_a_shell(string pattern, params string[] shards) =>
        ShardList.Expand(pattern).Should().Equal(shards);

    [Theory]
    [InlineData("http://x/{0..1", "*an opening brace has no closing brace*")]
    [InlineData("http://x/0..1}", "*a closing brace has no opening brace*")]
    [InlineData("http://x/{0}.tar", "*neither a range*")]
    [InlineData("http://x/{0..9999999}.tar", "*more values than 1000000*")]
    [InlineData("http://x/{0..999999}-{0..9}.tar", "*more than 1000000 shards*")]
    [InlineData("::", "*no shard*")]
    [InlineData("/no/such/{0..9}.tar", "*10 of 10 shards do not exist: /no/such/0.tar,*, ...")]
    public void Invalid_patterns_are_rejected(string pattern, string message) =>
        FluentActions.Invoking(() => ShardList.Expand(pattern)).Should().Throw<ImageDataException>().WithMessage(message);

    [Fact]
    public void A_folder_stands_for_its_shards_sorted_by_name()
    {
        using TemporaryFolder folder = new();
        foreach (string name in (string[])["b.tar", "a.TAR", "c.tar.gz", "d.txt", "e.tar.index"])
        {
            File.WriteAllText(folder.File(name), string.Empty);
        }

        ShardList.Expand(folder.Path).Select(Path.GetFileName).Should().Equal("a.TAR", "b.tar", "c.tar.gz");
        Directory.CreateDirectory(folder.File("empty", "x")[..^2]);
        FluentActions.Invoking(() => ShardList.Expand(folder.File("empty", "x")[..^2])).Should().Throw<ImageDataException>();
    }
}
