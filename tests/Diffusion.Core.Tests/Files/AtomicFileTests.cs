using Diffusion.TestKit;

namespace Diffusion.Core.Tests.Files;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder folder = TemporaryFolder.OnDisk();

    private string Target => folder.File("file.bin");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(1000)]
    public void A_shorter_file_takes_the_place_of_a_longer_one_whatever_length_was_reserved(long reserved)
    {
        File.WriteAllBytes(Target, new byte[100]);

        AtomicFile.Write(Target, reserved, file => file.Write([1, 2]));

        File.ReadAllBytes(Target).Should().Equal(1, 2);
        Directory.GetFileSystemEntries(folder.Path).Should().Equal(Target);
    }

    [Fact]
    public void Until_all_is_written_the_older_file_is_there_and_the_new_one_is_hidden()
    {
        File.WriteAllBytes(Target, [9]);
        AtomicFile.Write(Target, 0, file =>
        {
            file.Write([1, 2]);
            File.ReadAllBytes(Target).Should().Equal(9);
            string unfinished = Directory.GetFileSystemEntries(folder.Path).Single(entry => entry != Target);
            Path.GetFileName(unfinished).Should().StartWith(".").And.EndWith(AtomicFile.TemporaryExtension);
        });
        File.ReadAllBytes(Target).Should().Equal(1, 2);
    }

    [Fact]
    public void A_write_that_fails_leaves_the_file_that_was_there_and_nothing_else()
    {
        File.WriteAllBytes(Target, [9]);

        FluentActions.Invoking(() => AtomicFile.Write(Target, 8, file =>
        {
            file.WriteByte(1);
            throw new NotSupportedException("This goes through.");
        })).Should().Throw<NotSupportedException>().WithMessage("This goes through.");

        File.ReadAllBytes(Target).Should().Equal(9);
        Directory.GetFileSystemEntries(folder.Path).Should().Equal(Target);
    }

    [Fact]
    public void A_place_that_cannot_be_taken_is_an_error_and_nothing_stays_behind()
    {
        File.WriteAllText(folder.File("taken", "file.txt"), "a folder with this file cannot be replaced");
        Action write = () => AtomicFile.Write(folder.File("taken"), [1]);
        write.Should().Throw<Exception>().Which.Should().Match(error => error is IOException || error is UnauthorizedAccessException);
        Directory.GetFileSystemEntries(folder.Path).Should().ContainSingle();

        Action nowhere = () => AtomicFile.Write(Path.Combine(folder.Path, "nowhere", "file.bin"), [1]);
        nowhere.Should().Throw<DirectoryNotFoundException>();
    }

    [Fact]
    public void A_link_is_replaced_and_what_it_points_at_stays()
    {
        File.WriteAllText(folder.File("elsewhere", "thesis.txt"), "mine");
        File.CreateSymbolicLink(Target, folder.File("elsewhere", "thesis.txt"));

        AtomicFile.Write(Target, [1]);

        new FileInfo(Target).LinkTarget.Should().BeNull();
        File.ReadAllText(folder.File("elsewhere", "thesis.txt")).Should().Be("mine");
    }
}
