using System.Runtime.InteropServices;

namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>What a newcomer does: a console project of their own, the packages, a backend, and a run.</summary>
public sealed class ConsumerTests(ConsumerProject project) : IClassFixture<ConsumerProject>
{
    private static readonly string Expected = $"Completed after 10 steps and 40 images, loss below 2: True{Environment.NewLine}";

    [Fact]
    public async Task A_project_outside_the_solution_adds_the_packages_builds_without_a_warning_and_runs()
    {
        string said = await project.Make("build", "built");

        // NU1603: a feed may lack the exact version of SharpZipLib that TorchSharp names.
        said.Split('\n').Should().NotContain(line => line.Contains("warning ", StringComparison.Ordinal)
            && !line.Contains("NU1603", StringComparison.Ordinal));
        (await project.Run("built")).Should().Be(Expected);
    }

    [Fact]
    public async Task A_program_published_for_its_platform_finds_libtorch_beside_itself()
    {
        await project.Make("publish", "published", "-r", RuntimeInformation.RuntimeIdentifier, "--no-self-contained");

        (await project.Run("published")).Should().Be(Expected);
    }
}
