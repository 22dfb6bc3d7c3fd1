using System.IO.Compression;
using System.Xml.Linq;

namespace Diffusion.EndToEnd.Tests.Packages;

public sealed class PackageTests(PackedPackages packages)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Packing_gives_every_package_with_symbols_and_no_warning()
    {
        string[] expected = [.. new[] { "Core", "Data", "Data.Parquet", "Hosting", "Reporting", "Sampling", "Tool", "Training" }
            .SelectMany(name => new[] { "nupkg", "snupkg" }.Select(kind => $"Diffusion.{name}.{packages.Version}.{kind}")),
            $"Diffusion.Templates.{packages.Version}.nupkg"];

        Directory.GetFiles(packages.Folder).Select(Path.GetFileName).Should().BeEquivalentTo(expected);
        packages.Output.Should().NotContain("warning");
    }

    [Theory]
    [InlineData("Diffusion.Core", "TorchSharp", "SkiaSharp", "SkiaSharp.NativeAssets.Linux.NoDependencies")]
    [InlineData("Diffusion.Data", "Diffusion.Core", "Microsoft.Extensions.Logging.Abstractions")]
    [InlineData("Diffusion.Data.Parquet", "Diffusion.Data", "Parquet.Net")]
    [InlineData("Diffusion.Hosting", "Diffusion.Training", "Diffusion.Sampling", "Microsoft.Extensions.Diagnostics.HealthChecks",
        "Microsoft.Extensions.Hosting.Abstractions", "Microsoft.Extensions.Options.ConfigurationExtensions")]
    [InlineData("Diffusion.Reporting", "Diffusion.Sampling", "Diffusion.Training", "ScottPlot")]
    [InlineData("Diffusion.Sampling", "Diffusion.Core")]
    [InlineData("Diffusion.Training", "Diffusion.Data", "Microsoft.Extensions.Logging.Abstractions", "Microsoft.Extensions.Options")]
    public async Task A_package_contains_its_assembly_and_documentation_and_no_native_library(string id, params string[] dependencies)
    {
        await using ZipArchive package = await ZipFile.OpenReadAsync(
            Path.Combine(packages.Folder, $"{id}.{packages.Version}.nupkg"), Token);

        package.Entries.Select(entry => entry.FullName).Where(name => name.StartsWith("lib/", StringComparison.Ordinal))
            .Should().BeEquivalentTo($"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml");
        package.Entries.Should().NotContain(entry => entry.FullName.StartsWith("runtimes/", StringComparison.Ordinal));

        XElement[] elements = await Specification(package, id);
        elements.Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value)
            .Should().BeEquivalentTo(dependencies);
        elements.Where(element => element.Name.LocalName == "dependency" && element.Attribute("id")!.Value == "Diffusion.Core")
            .Select(element => element.Attribute("version")!.Value).Should().AllBe(packages.Version);
    }

    [Theory]
    [InlineData("Diffusion.Core")]
    [InlineData("Diffusion.Data")]
    [InlineData("Diffusion.Data.Parquet")]
    [InlineData("Diffusion.Hosting")]
    [InlineData("Diffusion.Reporting")]
    [InlineData("Diffusion.Sampling")]
    [InlineData("Diffusion.Templates")]
    [InlineData("Diffusion.Tool")]
    [InlineData("Diffusion.Training")]
    public async Task The_page_of_a_package_has_its_README_the_icon_the_license_and_the_changes_of_its_version(string id)
    {
        await using ZipArchive package = await ZipFile.OpenReadAsync(
            Path.Combine(packages.Folder, $"{id}.{packages.Version}.nupkg"), Token);
        XElement[] elements = await Specification(package, id);
        string Value(string name) => elements.Single(element => element.Name.LocalName == name).Value;

        using StreamReader page = new(await package.GetEntry(Value("readme"))!.OpenAsync(Token));
        (await page.ReadToEndAsync(Token)).Should().StartWith($"# {id}\n", "each package has its own page");
        await using Stream icon = await package.GetEntry(Value("icon"))!.OpenAsync(Token);
        DecodedImage decoded = ImageCodec.Decode(icon, "icon", new ImageDecoding());
        (decoded.Width, decoded.Height).Should().Be((128, 128), "nuget.org asks for an icon of this size");
        Value("license").Should().Be("MIT");
        Value("description").Should().NotBe("Package Description", "that is the SDK's default");
        Value("tags").Split(' ').Should().Contain("diffusion").And.OnlyHaveUniqueItems();
        string changelog = await File.ReadAllTextAsync(Path.Combine(BuildFacts.Repository, "CHANGELOG.md"), Token);
        changelog.Should().Contain(Value("releaseNotes"));
        Value("releaseNotes").Should().StartWith("### Added").And.NotContain("\n## [");
        Value("releaseNotes").Length.Should().BeLessThan(35_000, "nuget.org accepts no more");
    }

    [Fact]
    public async Task The_tool_contains_the_command_and_its_libraries_without_libtorch_or_native_symbols()
    {
        await using ZipArchive package = await ZipFile.OpenReadAsync(
            Path.Combine(packages.Folder, $"Diffusion.Tool.{packages.Version}.nupkg"), Token);
        string[] names = [.. package.Entries.Select(entry => entry.FullName)];

        names.Should().Contain("tools/net10.0/any/Diffusion.Tool.dll").And.Contain("tools/net10.0/any/Diffusion.Core.dll")
            .And.Contain("README.md");
        names.Should().NotContain(name => name.Contains("torch_cpu", StringComparison.Ordinal))
            .And.NotContain(name => name.EndsWith("SkiaSharp.pdb", StringComparison.Ordinal));
        await using Stream stream =
            await package.GetEntry("tools/net10.0/any/DotnetToolSettings.xml")!.OpenAsync(Token);
        XElement settings = (await XDocument.LoadAsync(stream, LoadOptions.None, Token)).Root!;
        settings.Descendants("Command").Single().Attribute("Name")!.Value.Should().Be("diffusion");
    }

    private static async Task<XElement[]> Specification(ZipArchive package, string id)
    {
        await using Stream stream = await package.GetEntry($"{id}.nuspec")!.OpenAsync(Token);
        return [.. (await XDocument.LoadAsync(stream, LoadOptions.None, Token)).Descendants()];
    }
}
