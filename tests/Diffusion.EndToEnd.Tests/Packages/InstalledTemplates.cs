namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>The package of templates, installed for these tests alone, and the projects made of its templates.</summary>
public sealed class InstalledTemplates(PackedPackages packages) : IAsyncLifetime
{
    /// <summary>The folder that contains the projects, each in a folder of its name.</summary>
    public FeedFolder Folder { get; } = new(packages);

    private string Hive => Path.Combine(Folder.Path, "hive");

    public async ValueTask InitializeAsync() => await Folder.Dotnet(
        "new", "install", Path.Combine(packages.Folder, $"Diffusion.Templates.{packages.Version}.nupkg"), "--debug:custom-hive", Hive);

    public ValueTask DisposeAsync()
    {
        Folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Makes a project of a template.</summary>
    public Task New(string template, string name) =>
        Folder.Dotnet("new", template, "--name", name, "--no-restore", "--debug:custom-hive", Hive);

    /// <summary>Builds a project, without warnings.</summary>
    /// <returns>The program.</returns>
    public async Task<string> Build(string name)
    {
        string output = await Folder.Dotnet(
            ["build", name, "-c", "Release", "-o", Folder.File("built", name), .. FeedFolder.LinkInsteadOfCopy]);
        FeedFolder.WarningsIn(output).Should().BeEmpty();
        return Folder.File("built", name, name);
    }
}
