using System.Security.Cryptography;
using System.Text;
using Diffusion.TestKit;
using Diffusion.Tool.Backend;

namespace Diffusion.Tool.Tests;

/// <summary>The libraries of small packages that have the form of TorchSharp's packages with CUDA.</summary>
public sealed class CudaPackagesTests : IDisposable
{
    private const string Platform = "linux-x64";
    private const string Family = "libtorch-cuda-12.8-linux-x64";

    private readonly TemporaryFolder folder = new();

    private string Gathered => Path.Combine(folder.Path, "gathered");

    public CudaPackagesTests()
    {
        Write("", "", "lib", "netstandard2.0", "_._");
        Write("c10", "-part1", "runtimes", Platform, "native", "libc10.so");
        Write("first ", "-part2-primary", "runtimes", Platform, "native", "libtorch_cuda.so");
        Write(Hash("first second third"), "-part2-primary", "runtimes", Platform, "native", "libtorch_cuda.so.sha");
        Write("second ", "-part2-fragment1", "fragments", Platform, "native", "libtorch_cuda.so.fragment1");
        Write("third", "-part2-fragment2", "fragments", Platform, "native", "libtorch_cuda.so.fragment2");
        File.WriteAllText(folder.File("packages", "other", "1.0.0", "runtimes", Platform, "native", "libother.so"), "other");
    }

    [Fact]
    public void The_libraries_are_in_one_folder_and_whole()
    {
        File.WriteAllText(folder.File("gathered", "left"), "by an earlier attempt");

        CudaPackages.Gather(folder.File("packages"), Platform, Gathered);

        Directory.GetFiles(Gathered).Select(Path.GetFileName).Should().BeEquivalentTo("libc10.so", "libtorch_cuda.so");
        File.ReadAllText(Path.Combine(Gathered, "libtorch_cuda.so")).Should().Be("first second third");
    }

    [Fact]
    public void A_missing_piece_is_noticed()
    {
        File.Delete(folder.File("packages", $"{Family}-part2-fragment2", "2.10.0", "fragments", Platform, "native",
            "libtorch_cuda.so.fragment2"));

        FluentActions.Invoking(() => CudaPackages.Gather(folder.File("packages"), Platform, Gathered)).Should()
            .Throw<InvalidDataException>().WithMessage("The pieces of libtorch_cuda.so have the SHA-256 *a piece is missing or damaged*");
    }

    [Fact]
    public void Packages_of_another_platform_are_refused() =>
        FluentActions.Invoking(() => CudaPackages.Gather(folder.File("packages"), "win-x64", Gathered)).Should()
            .Throw<InvalidDataException>().WithMessage("*contain no torch_cuda for win-x64*");

    public void Dispose() => folder.Dispose();

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private void Write(string content, string package, params string[] path) =>
        File.WriteAllText(folder.File(["packages", Family + package, "2.10.0", .. path]), content);
}
