using System.Text;

namespace Diffusion.Core.Tests.Shared;

public sealed class GitLfsPointerTests
{
    private const string Rest = "\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1", true)]
    [InlineData("version https://git-lfs.github.com/spec/v2", true)]
    [InlineData("version https://hawser.github.com/spec/v1", true)]
    [InlineData("version http://git-media.io/v/2", true)]
    [InlineData("version https://example.org/spec/v1", false)]
    [InlineData("{\"version\": \"https://git-lfs.github.com/spec/v1\"}", false)]
    public void A_pointer_is_known_by_its_first_line(string firstLine, bool isPointer)
    {
        using MemoryStream file = new(Encoding.UTF8.GetBytes(firstLine + Rest));
        GitLfsPointer.IsPointer(file).Should().Be(isPointer);
        file.Position.Should().Be(0, "the reader continues from there");
        GitLfsPointer.IsPointer(file.ToArray(), file.Length).Should().Be(isPointer);
    }

    [Theory]
    [InlineData(1024, true)]
    [InlineData(1025, false)]
    public void A_pointer_has_at_most_1024_bytes(int length, bool isPointer)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(("version https://git-lfs.github.com/spec/v1" + Rest).PadRight(length, '\n'));
        GitLfsPointer.IsPointer(bytes, length).Should().Be(isPointer);
        using MemoryStream file = new(bytes);
        GitLfsPointer.IsPointer(file).Should().Be(isPointer);
    }
}
