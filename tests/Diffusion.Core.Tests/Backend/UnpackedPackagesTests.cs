using Diffusion.TestKit;

namespace Diffusion.Core.Tests.Backend;

public sealed class UnpackedPackagesTests : IDisposable
{
    private readonly TemporaryFolder packages = new();

    public void Dispose() => packages.Dispose();

    [Fact]
    public void Native_libraries_are_found_in_the_packages_that_TorchSharp_was_loaded_from()
    {
        string torchSharp = Path.GetDirectoryName(packages.File("torchsharp", "0.107.0", "lib", "net8.0", "TorchSharp.dll"))!;
        string binding = Write("torchsharp", "0.107.0", "LibTorchSharp");
        Write($"libtorch-cpu-{NativeSearch.Platform}", "2.9.0", "c10");
        string libtorch = Write($"libtorch-cpu-{NativeSearch.Platform}", UnpackedPackages.LibtorchVersion, "torch_cpu");

        UnpackedPackages.Find(torchSharp, "LibTorchSharp").Should().Be(binding);
        UnpackedPackages.Find(torchSharp, "torch_cpu").Should().Be(libtorch);
        UnpackedPackages.Find(torchSharp, "c10").Should().BeNull("it is of another version");
        UnpackedPackages.Find(AppContext.BaseDirectory, "torch_cpu").Should().BeNull("no package was unpacked there");
        UnpackedPackages.Find(Path.GetPathRoot(packages.Path)!, "torch_cpu").Should().BeNull();
    }

    private string Write(string package, string version, string library)
    {
        string file = packages.File(package, version, "runtimes", NativeSearch.Platform, "native", NativeSearch.FileName(library));
        File.WriteAllText(file, "");
        return file;
    }
}
