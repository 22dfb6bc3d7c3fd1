using Diffusion.EndToEnd.Tests.Documents;

namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>A console project outside the solution, created with the commands and the program of the README.</summary>
public sealed class ConsumerProject(PackedPackages packages) : IAsyncLifetime
{
    private readonly FeedFolder folder = new(packages);

    public async ValueTask InitializeAsync()
    {
        await folder.Dotnet("new", "console", "--no-restore", "--name", "Consumer", "--output", ".");
        foreach (string command in Readme.AddCommands)
        {
            string[] words = command.Split(' ');
            await folder.Dotnet(
                [.. words[1..], .. words.Contains("--version") ? Array.Empty<string>() : ["--version", packages.Version]]);
        }

        folder.WritePhotos("photos", count: 12);
    }

    public ValueTask DisposeAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>A file or folder of the project.</summary>
    public string PathOf(string name) => folder.PathOf(name);

    /// <summary>
    /// Writes the README's program with fewer and smaller images and other steps. Deletes earlier runs, so that it does not resume.
    /// </summary>
    public void Write(string steps)
    {
        if (Directory.Exists(folder.File("runs")))
        {
            Directory.Delete(folder.File("runs"), recursive: true); // from another test, in either order
        }

        File.WriteAllText(folder.File("Program.cs"), Readme.Program);
        folder.Edit("Program.cs", ("size: 32", "size: 8"), ("BatchSize = 32", "BatchSize = 4"), ("Steps = 20_000", $"Steps = {steps}"),
            ("Steps = 50", "Steps = 2"));
    }

    /// <summary>Builds or publishes into a folder of the project.</summary>
    /// <returns>The output of the build.</returns>
    public Task<string> Make(string verb, string output, params string[] options) =>
        folder.Dotnet([verb, "-c", "Release", "-o", folder.File(output), .. options, .. FeedFolder.LinkInsteadOfCopy]);

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
}
