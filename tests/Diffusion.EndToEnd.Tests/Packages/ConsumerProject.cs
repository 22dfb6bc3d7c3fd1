using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>
/// A console project outside the solution, made as a newcomer makes one. Its NuGet configuration adds the packed packages to the
/// machine's own sources, unpacks them into a folder of its own, and takes everything else, libtorch first, from where the machine has
/// it unpacked: nothing large is fetched or copied, and nothing stays behind.
/// </summary>
public sealed class ConsumerProject(PackedPackages packages) : IAsyncLifetime
{
    private static readonly string[] LinkInsteadOfCopy =
        ["-p:CreateHardLinksForCopyLocalIfPossible=true", "-p:CreateHardLinksForPublishFilesIfPossible=true"];

    private readonly TemporaryFolder folder = new();

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(folder.File("nuget.config"), $"""
            <?xml version="1.0" encoding="utf-8"?>
            <configuration>
              <config><add key="globalPackagesFolder" value="packages" /></config>
              <fallbackPackageFolders><clear /><add key="machine" value="{BuildFacts.PackageCache}" /></fallbackPackageFolders>
              <packageSources><add key="packed" value="{packages.Folder}" /></packageSources>
            </configuration>
            """);
        await Dotnet("new", "console", "--no-restore", "--name", "Consumer", "--output", ".");
        File.Copy(Path.Combine(AppContext.BaseDirectory, "ConsumerApp", "Program.cs"), folder.File("Program.cs"), overwrite: true);
        await Dotnet("add", "package", "Diffusion.Training", "--version", packages.Version);
        await Dotnet("add", "package", "TorchSharp-cpu", "--version", "0.107.0");
    }

    public ValueTask DisposeAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Builds or publishes into a folder of the project.</summary>
    /// <returns>What the build printed.</returns>
    public Task<string> Make(string verb, string output, params string[] options) =>
        Dotnet([verb, "-c", "Release", "-o", folder.File(output), .. options, .. LinkInsteadOfCopy]);

    /// <summary>Runs the program that lies in a folder of the project, and gives what it printed.</summary>
    public async Task<string> Run(string output)
    {
        ChildProcess.Result result = await ChildProcess.Run(Path.Combine(folder.File(output), "Consumer"), []);
        result.ExitCode.Should().Be(0, result.Output + result.Errors);
        result.Errors.Should().BeEmpty();
        return result.Output;
    }

    private async Task<string> Dotnet(params string[] arguments)
    {
        // Without NUGET_PACKAGES: it would overrule the project's own folder.
        ChildProcess.Result result = await ChildProcess.Dotnet(
            arguments, folder.Path, new Dictionary<string, string?> { ["NUGET_PACKAGES"] = null });
        string said = result.Output + result.Errors;
        result.ExitCode.Should().Be(0, $"dotnet {string.Join(' ', arguments)} said: {said}");
        return said;
    }
}
