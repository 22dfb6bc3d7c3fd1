using Diffusion.TestKit;
using Diffusion.Tool.Backend;

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
    public void The_generated_project_refers_to_the_libtorch_of_this_platform() =>
        LibtorchDownload.Project.Should().Contain($"Include=\"{InstalledLibtorch.Package}\" Version=\"2.10.0\"");

    public void Dispose() => folder.Dispose();
}
