using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>The short form of <c>eng/journey.sh</c>; CI runs the whole journey.</summary>
public sealed class JourneyTests(PackedPackages packages) : IDisposable
{
    private readonly TemporaryFolder folder = TemporaryFolder.OnDisk();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task From_the_packed_tool_to_images_a_page_and_an_exported_model()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The journey is a script for bash.");

        ChildProcess.Result journey = await ChildProcess.Run(
            "bash",
            [
                Path.Combine(BuildFacts.Repository, "eng", "journey.sh"), "--short", "--feed", packages.Folder, "--version",
                packages.Version, "--keep", folder.Path,
            ],
            environment: new Dictionary<string, string?>(StringComparer.Ordinal) { [TorchBackend.FolderVariable] = TorchBackend.Folder });

        journey.ExitCode.Should().Be(0, journey.Output + journey.Errors);
        journey.Output.Should().Contain("Completed at step 5").And.Contain("the run and its export sample the same images");
        (await File.ReadAllTextAsync(folder.File("report.html"), TestContext.Current.CancellationToken)).Should().Contain("5 of 5");
    }
}
