namespace Diffusion.Data.Tests;

public sealed class DataSplitTests
{
    [Theory]
    [InlineData("train", "training", true)]
    [InlineData("VAL", "validation", true)]
    [InlineData("dev", "valid", true)]
    [InlineData("test", "eval", true)]
    [InlineData("train2017", "train", true)]
    [InlineData("test_images", "test", true)]
    [InlineData("cat", "CAT", true)]
    [InlineData("train", "test", false)]
    [InlineData("trainer", "train", false)]
    [InlineData("train_test", "train", false)]
    [InlineData("cat", "dog", false)]
    public void Names_of_one_split_are_the_same(string first, string second, bool same)
    {
        DataSplit.AreSame(first, second).Should().Be(same);
        DataSplit.AreSame(second, first).Should().Be(same);
    }

    [Fact]
    public void Several_names_of_one_split_need_no_choice()
    {
        DataSplit.Choose("set", ["train-1", "train-2"], null, "Split").Should().Equal("train-1", "train-2");
        DataSplit.Choose("set", ["train-1", "train-2", "test"], "train", "Split").Should().Equal("train-1", "train-2");
        ((Action)(() => DataSplit.Choose("set", ["train-1", "train-2", "test"], null, "Split"))).Should().Throw<ImageDataException>();
    }

    [Theory]
    [InlineData("@eaDir", true)]
    [InlineData("@EADIR", true)]
    [InlineData("$recycle.bin", true)]
    [InlineData("lost+found", true)]
    [InlineData(".git", true)]
    [InlineData("._photo.png", true)]
    [InlineData("Thumbs.db", true)]
    [InlineData("cat", false)]
    [InlineData("@home", false)]
    [InlineData("recycle", false)]
    [InlineData("", false)]
    public void System_files_are_ignored(string name, bool ignored) =>
        SystemFiles.IsIgnored(name).Should().Be(ignored);
}
