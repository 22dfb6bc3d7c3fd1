using Diffusion.TestKit;
using TorchSharp;

namespace Diffusion.EndToEnd.Tests.Packages;

/// <summary>
/// A folder outside the repository, as a user's. Its NuGet configuration adds the packed packages to the machine's sources. Everything
/// else, such as libtorch, comes from the machine's package folder: nothing large is downloaded or copied, and nothing is left afterwards.
/// </summary>
public sealed class FeedFolder : IDisposable
{
    /// <summary>Links to the native libraries, which are over half a gigabyte, instead of copying them.</summary>
    public static readonly string[] LinkInsteadOfCopy =
        ["-p:CreateHardLinksForCopyLocalIfPossible=true", "-p:CreateHardLinksForPublishFilesIfPossible=true"];

    private readonly TemporaryFolder folder = TemporaryFolder.OnDisk();

    public FeedFolder(PackedPackages packages) => System.IO.File.WriteAllText(folder.File("nuget.config"), $"""
        <?xml version="1.0" encoding="utf-8"?>
        <configuration>
          <config><add key="globalPackagesFolder" value="{packages.Unpacked}" /></config>
          <fallbackPackageFolders><clear /><add key="machine" value="{BuildFacts.PackageCache}" /></fallbackPackageFolders>
          <packageSources><add key="packed" value="{packages.Folder}" /></packageSources>
        </configuration>
        """);

    public string Path => folder.Path;

    /// <summary>The path of a file; creates its folder.</summary>
    public string File(params string[] parts) => folder.File(parts);

    /// <summary>The path of a file or folder.</summary>
    public string PathOf(string name) => System.IO.Path.Combine(folder.Path, name);

    /// <summary>Writes random images, half of them in each of two sub-folders.</summary>
    public void WritePhotos(string name, int count)
    {
        for (int i = 0; i < count; i++)
        {
            using torch.Tensor image = torch.rand(1, 3, 16, 16);
            ImageGrid.Save(image, folder.File(name, i % 2 == 0 ? "cats" : "dogs", $"{i}.png"));
        }
    }

    /// <summary>Replaces parts of a file, each of which it must contain exactly once.</summary>
    public void Edit(string name, params (string From, string To)[] changes)
    {
        string text = System.IO.File.ReadAllText(folder.File(name));
        foreach ((string from, string to) in changes)
        {
            text.Split(from).Should().HaveCount(2, $"{name} contains {from} once");
            text = text.Replace(from, to, StringComparison.Ordinal);
        }

        System.IO.File.WriteAllText(folder.File(name), text);
    }

    /// <summary>Runs a command of dotnet, which must succeed.</summary>
    /// <returns>Its output and errors.</returns>
    public Task<string> Dotnet(params string[] arguments) => Dotnet(arguments, []);

    /// <summary>Builds and runs a file-based app. What it builds is in this folder too, not in that of the user.</summary>
    /// <returns>Its output and errors.</returns>
    public Task<string> RunFile(string program, string[] arguments) => Dotnet(
        ["run", program, "-c", "Release", .. LinkInsteadOfCopy, "--", .. arguments],
        new() { ["XDG_DATA_HOME"] = Directory.CreateDirectory(PathOf("data")).FullName });

    /// <summary>The warnings in the output of a build.</summary>
    public static IEnumerable<string> WarningsIn(string output) => output.Split('\n').Where(line =>
        line.Contains("warning ", StringComparison.Ordinal)
        && !line.Contains("NU1603", StringComparison.Ordinal)); // a feed may lack the exact SharpZipLib that TorchSharp names

    public void Dispose() => folder.Dispose();

    private async Task<string> Dotnet(string[] arguments, Dictionary<string, string?> environment)
    {
        environment["NUGET_PACKAGES"] = null; // it would override the folder of the configuration
        ChildProcess.Result result = await ChildProcess.Dotnet(arguments, Path, environment);
        string output = result.Output + result.Errors;
        result.ExitCode.Should().Be(0, $"dotnet {string.Join(' ', arguments)} printed: {output}");
        return output;
    }
}
