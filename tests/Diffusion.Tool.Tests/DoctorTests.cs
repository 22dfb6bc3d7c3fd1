using System.Text;
using Diffusion.TestKit;
using Diffusion.Tool.Backend;
using Diffusion.Tool.Terminal;
using TorchSharp;

namespace Diffusion.Tool.Tests;

public sealed class DoctorTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public async Task Without_libtorch_every_command_says_how_to_install_it()
    {
        ToolRun doctor = await ToolProgram.Run(null, folder.Path, "doctor");

        (doctor.ExitCode, doctor.Output).Should().Be((1, ""));
        doctor.Errors.TrimEnd().Should().StartWith("error: No libtorch was found").And.EndWith("Run: diffusion doctor --install cpu")
            .And.NotContain("\n");
    }

    [Fact]
    public async Task The_folder_that_the_environment_names_is_used_and_named()
    {
        ToolRun doctor = await ToolProgram.Run(TorchBackend.Folder, folder.Path, "doctor");

        doctor.ExitCode.Should().Be(0, doctor.Errors);
        doctor.Output.Should().Contain($"libtorch   {TorchBackend.Folder}").And.Contain("found by   DIFFUSION_LIBTORCH")
            .And.Contain("version    2.10.0").And.Contain("cpu        1 threads");
    }

    [Fact]
    public async Task An_installed_libtorch_is_used_when_the_environment_names_none()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The user's folder is set by a variable of Linux.");
        string package = folder.File("diffusion-net", "packages", InstalledLibtorch.Package, InstalledLibtorch.Version);
        Directory.CreateDirectory(Path.Combine(package, "runtimes", "linux-x64"));
        Directory.CreateSymbolicLink(Path.Combine(package, "runtimes", "linux-x64", "native"), TorchBackend.Folder);

        ToolRun incomplete = await ToolProgram.Run(null, folder.Path, "doctor");
        await File.WriteAllTextAsync(Path.Combine(package, ".nupkg.metadata"), "{}", TestContext.Current.CancellationToken);
        ToolRun doctor = await ToolProgram.Run(null, folder.Path, "doctor");

        incomplete.ExitCode.Should().Be(1);
        doctor.ExitCode.Should().Be(0, doctor.Errors);
        doctor.Output.Should().Contain("found by   diffusion doctor --install cpu");
    }

    [Fact]
    public async Task An_installed_libtorch_with_CUDA_is_used_too()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The user's folder is set by a variable of Linux.");
        Directory.CreateSymbolicLink(folder.File("diffusion-net", "cuda-2.10.0"), TorchBackend.Folder);

        ToolRun doctor = await ToolProgram.Run(null, folder.Path, "doctor");

        doctor.ExitCode.Should().Be(0, doctor.Errors);
        doctor.Output.Should().Contain("found by   diffusion doctor --install cuda");
    }

    [Theory]
    [InlineData(false, false, true, null)]
    [InlineData(true, false, true, "cpu")]
    [InlineData(true, true, false, "cpu")]
    [InlineData(true, true, true, "cuda")]
    [InlineData(false, true, false, "cuda")]
    public void The_build_with_CUDA_is_preferred_where_the_driver_is(bool hasCpu, bool hasCuda, bool hasDriver, string? expected) =>
        InstalledLibtorch.Preferred(hasCpu, hasCuda, hasDriver).Should().Be(expected);

    [Fact]
    public void The_generated_project_refers_to_the_libtorch_of_this_platform() =>
        LibtorchDownload.Project(InstalledLibtorch.Package).Should().Contain($"Include=\"{InstalledLibtorch.Package}\" Version=\"2.10.0\"");

    [Theory]
    [InlineData("linux-x64", "libtorch-cuda-12.8-linux-x64")]
    [InlineData("win-x64", "libtorch-cuda-12.8-win-x64")]
    [InlineData("win-arm64", null)]
    [InlineData("osx-arm64", null)]
    public void The_packages_with_CUDA_are_those_that_TorchSharp_looks_for(string platform, string? package)
    {
        InstalledLibtorch.CudaPackage(platform).Should().Be(package);
        ReadOnlySpan<byte> assembly = File.ReadAllBytes(typeof(torch).Assembly.Location);
        ReadOnlySpan<byte> name = Encoding.Unicode.GetBytes($"libtorch-cuda-{InstalledLibtorch.CudaVersion}-");
        assembly.IndexOf(name).Should().BeGreaterThan(0);
    }

    [Fact]
    public void CUDA_is_refused_by_name_where_there_are_no_packages()
    {
        ToolTerminal terminal = new(TextWriter.Null, TextWriter.Null, isInteractive: false);

        FluentActions.Invoking(() => LibtorchDownload.Cuda(terminal, "osx-arm64")).Should().Throw<ToolUsageException>()
            .WithMessage("--install is cuda, but this is osx-arm64, and NuGet has libtorch with CUDA for linux-x64 and win-x64 only.*");
    }

    public void Dispose() => folder.Dispose();
}
