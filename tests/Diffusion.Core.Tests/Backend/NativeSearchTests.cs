namespace Diffusion.Core.Tests.Backend;

public sealed class NativeSearchTests
{
    [Fact]
    public void A_path_through_links_is_the_file_that_they_lead_to()
    {
        string root = NativeSearch.RealPath(Directory.CreateTempSubdirectory().FullName);
        try
        {
            string file = Path.Combine(root, "real", "file");
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, "");
            Directory.CreateSymbolicLink(Path.Combine(root, "folder-link"), "real");
            File.CreateSymbolicLink(Path.Combine(root, "real", "file-link"), "file");

            NativeSearch.RealPath(Path.Combine(root, "folder-link", "file-link")).Should().Be(file);
            NativeSearch.RealPath(file).Should().Be(file);
            NativeSearch.RealPath(Path.Combine(root, "none", "file")).Should().Be(Path.Combine(root, "none", "file"));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public void A_library_in_use_is_found_and_one_that_is_not_is_not()
    {
        Assert.SkipWhen(OperatingSystem.IsMacOS(), "macOS does not tell.");

        NativeSearch.Mapped("torch_cpu").Should()
            .Be(NativeSearch.RealPath(Path.Combine(TorchBackend.Folder, NativeSearch.FileName("torch_cpu"))));
        NativeSearch.Mapped("torch_cpu_of_nobody").Should().BeNull();
        NativeSearch.Carried("torch_cpu_of_nobody").Should().BeNull();
    }
}
