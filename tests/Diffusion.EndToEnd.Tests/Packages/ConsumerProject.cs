using Diffusion.EndToEnd.Tests.Documents;
using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>
/// A console project outside the solution, created with the commands and the program of the README. Its NuGet configuration adds the
/// packed packages to the machine's sources and unpacks them into the project's folder. Everything else, such as libtorch, comes from the
/// machine's package folder: nothing large is downloaded or copied, and nothing is left afterwards.
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
        foreach (string command in Readme.AddCommands)
        {
            string[] words = command.Split(' ');
            await Dotnet([.. words[1..], .. words.Contains("--version") ? Array.Empty<string>() : ["--version", packages.Version]]);
        }

        for (int i = 0; i < 12; i++)
        {
            using torch.Tensor image = torch.rand(1, 3, 16, 16);
            ImageGrid.Save(image, folder.File("photos", i % 2 == 0 ? "cats" : "dogs", $"{i}.png"));
        }
    }

    public ValueTask DisposeAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>A file or folder of the project.</summary>
    public string PathOf(string name) => Path.Combine(folder.Path, name);

    /// <summary>
    /// Writes the README's program with fewer and smaller images and other steps. Deletes earlier runs, so that it does not resume.
    /// </summary>
    public void Write(string steps)
    {
        if (Directory.Exists(folder.File("runs")))
        {
            Directory.Delete(folder.File("runs"), recursive: true); // from another test, in either order
        }

        string program = Readme.Program;
        foreach ((string from, string to) in new[] { ("size: 32", "size: 8"), ("BatchSize = 32", "BatchSize = 4"),
            ("Steps = 20_000", $"Steps = {steps}"), ("Steps = 50", "Steps = 2") })
        {
            program.Split(from).Should().HaveCount(2, $"the README's program contains {from} once");
            program = program.Replace(from, to, StringComparison.Ordinal);
        }

        File.WriteAllText(folder.File("Program.cs"), program);
    }

    /// <summary>Builds or publishes into a folder of the project.</summary>
    /// <returns>The output of the build.</returns>
    public Task<string> Make(string verb, string output, params string[] options) =>
        Dotnet([verb, "-c", "Release", "-o", folder.File(output), .. options, .. LinkInsteadOfCopy]);

    /// <summary>Runs the program in a folder of the project, with the project's folder as current folder, and returns its output.</summary>
    public async Task<string> Run(string output)
    {
        ChildProcess.Result result = await ChildProcess.Run(Path.Combine(folder.File(output), "Consumer"), [], folder.Path);
        result.ExitCode.Should().Be(0, result.Output + result.Errors);
        result.Errors.Should().BeEmpty();
        return result.Output;
    }

    /// <summary>Runs it until it prints a line that contains <paramref name="sign"/>, then presses Ctrl+C.</summary>
    public Task<(int ExitCode, string Output)> Interrupt(string output, string sign) =>
        ChildProcess.Interrupt(sign, Path.Combine(folder.File(output), "Consumer"), [], folder.Path);

    private async Task<string> Dotnet(params string[] arguments)
    {
        // NUGET_PACKAGES would override the project's folder.
        ChildProcess.Result result = await ChildProcess.Dotnet(
            arguments, folder.Path, new Dictionary<string, string?> { ["NUGET_PACKAGES"] = null });
        string output = result.Output + result.Errors;
        result.ExitCode.Should().Be(0, $"dotnet {string.Join(' ', arguments)} printed: {output}");
        return output;
    }
}
