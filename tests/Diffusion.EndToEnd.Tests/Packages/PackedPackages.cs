using Diffusion.EndToEnd.Tests.Packages;
using Diffusion.TestKit;

[assembly: AssemblyFixture(typeof(PackedPackages))]

namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>The packages, packed once from what this test run built, under a version that no other run has used.</summary>
public sealed class PackedPackages : IAsyncLifetime
{
    private readonly TemporaryFolder folder = TemporaryFolder.OnDisk();
    private readonly TemporaryFolder unpacked = TemporaryFolder.OnDisk();

    /// <summary>The folder with the packages.</summary>
    public string Folder => folder.Path;

    /// <summary>The folder into which NuGet unpacks them, once for all tests.</summary>
    public string Unpacked => unpacked.Path;

    /// <summary>Their version.</summary>
    public string Version { get; } = $"0.1.0-test.{DateTime.UtcNow.Ticks}";

    /// <summary>The output of <c>dotnet pack</c>.</summary>
    public string Output { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        ChildProcess.Result packed = await ChildProcess.Dotnet(
            ["pack", "-c", BuildFacts.Configuration, "--no-build", "-o", folder.Path, $"-p:Version={Version}"], BuildFacts.Repository);
        Output = packed.Output + packed.Errors;
        packed.ExitCode.Should().Be(0, Output);
    }

    public ValueTask DisposeAsync()
    {
        folder.Dispose();
        unpacked.Dispose();
        return ValueTask.CompletedTask;
    }
}
