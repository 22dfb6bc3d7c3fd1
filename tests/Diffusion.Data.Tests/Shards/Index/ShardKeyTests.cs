namespace Diffusion.Data.Tests.Shards;

public sealed class ShardKeyTests
{
    [Theory]
    [InlineData("000123.jpg", "000123", "jpg")]
    [InlineData("a/b/000123.jpg", "a/b/000123", "jpg")]
    [InlineData("000123.seg.png", "000123", "seg.png")]
    [InlineData("000123.JPG", "000123", "jpg")]
    [InlineData("v1.0/images/x.cls", "v1.0/images/x", "cls")]
    [InlineData("./x.jpg", "./x", "jpg")]
    [InlineData("x.", "x", "")]
    [InlineData("_x_.jpg", "_x_", "jpg")]
    [InlineData("a__b__/x.jpg", "a__b__/x", "jpg")]
    public void The_key_ends_at_the_first_dot_of_the_last_part(string path, string key, string extension)
    {
        ShardKey.TrySplit(path, out string foundKey, out string foundExtension).Should().BeTrue();
        (foundKey, foundExtension).Should().Be((key, extension));
    }

    [Theory]
    [InlineData("README")]
    [InlineData(".hidden.jpg")]
    [InlineData("a/.hidden.jpg")]
    [InlineData("a.b/README")]
    [InlineData("__key__")]
    [InlineData("__meta__/x.jpg")]
    [InlineData("a/__meta__/x.jpg")]
    [InlineData("a/__.json__")]
    [InlineData("")]
    public void Other_files_belong_to_no_sample(string path) => ShardKey.TrySplit(path, out _, out _).Should().BeFalse();
}
