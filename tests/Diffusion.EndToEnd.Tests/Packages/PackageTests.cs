using System.IO.Compression;
using System.Xml.Linq;

namespace Diffusion.EndToEnd.Tests.Packages;

public sealed class PackageTests(PackedPackages packages)
{
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
    [InlineData("Diffusion.Reporting", "Diffusion.Training", "ScottPlot")]
    [InlineData("Diffusion.Sampling", "Diffusion.Core")]
    [InlineData("Diffusion.Training", "Diffusion.Data", "Microsoft.Extensions.Logging.Abstractions", "Microsoft.Extensions.Options")]
    public async Task A_package_contains_its_assembly_and_documentation_and_no_native_library(string id, params string[] dependencies)
    {
        await using ZipArchive package = await ZipFile.OpenReadAsync(
            Path.Combine(packages.Folder, $"{id}.{packages.Version}.nupkg"), TestContext.Current.CancellationToken);

        package.Entries.Select(entry => entry.FullName).Where(name => name.StartsWith("lib/", StringComparison.Ordinal))
            .Should().BeEquivalentTo($"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml");
        package.Entries.Should().Contain(entry => entry.FullName == "README.md")
            .And.NotContain(entry => entry.FullName.StartsWith("runtimes/", StringComparison.Ordinal));

        using StreamReader page = new(await package.GetEntry("README.md")!.OpenAsync(TestContext.Current.CancellationToken));
        (await page.ReadToEndAsync(TestContext.Current.CancellationToken)).Should()
            .StartWith($"# {id}\n", "each package has its own page");
        await using Stream stream = await package.GetEntry($"{id}.nuspec")!.OpenAsync(TestContext.Current.CancellationToken);
        XElement specification = (await XDocument.LoadAsync(stream, LoadOptions.None, TestContext.Current.CancellationToken)).Root!;
        XElement[] elements = [.. specification.Descendants()];
        elements.Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value)
            .Should().BeEquivalentTo(dependencies);
        elements.Where(element => element.Name.LocalName == "dependency" && element.Attribute("id")!.Value == "Diffusion.Core")
            .Select(element => element.Attribute("version")!.Value).Should().AllBe(packages.Version);
        elements.Single(element => element.Name.LocalName == "license").Value.Should().Be("MIT");
        elements.Single(element => element.Name.LocalName == "readme").Value.Should().Be("README.md");
    }

    [Fact]
    public async Task The_tool_contains_the_command_and_its_libraries_without_libtorch_or_native_symbols()
    {
        await using ZipArchive package = await ZipFile.OpenReadAsync(
            Path.Combine(packages.Folder, $"Diffusion.Tool.{packages.Version}.nupkg"), TestContext.Current.CancellationToken);
        string[] names = [.. package.Entries.Select(entry => entry.FullName)];

        names.Should().Contain("tools/net10.0/any/Diffusion.Tool.dll").And.Contain("tools/net10.0/any/Diffusion.Core.dll")
            .And.Contain("README.md");
        names.Should().NotContain(name => name.Contains("torch_cpu", StringComparison.Ordinal))
            .And.NotContain(name => name.EndsWith("SkiaSharp.pdb", StringComparison.Ordinal));
        await using Stream stream =
            await package.GetEntry("tools/net10.0/any/DotnetToolSettings.xml")!.OpenAsync(TestContext.Current.CancellationToken);
        XElement settings = (await XDocument.LoadAsync(stream, LoadOptions.None, TestContext.Current.CancellationToken)).Root!;
        settings.Descendants("Command").Single().Attribute("Name")!.Value.Should().Be("diffusion");
    }
}
