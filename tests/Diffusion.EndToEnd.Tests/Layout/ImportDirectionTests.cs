namespace Diffusion.EndToEnd.Tests.Layout;

/// <summary>Packages and their folders use each other in one direction only.</summary>
public sealed class ImportDirectionTests
{
    /// <summary>What a package may use beside itself.</summary>
    private static readonly Dictionary<string, string[]> Packages = new(StringComparer.Ordinal)
    {
        ["Shared"] = [],
        ["Diffusion.Core"] = ["Shared"],
        ["Diffusion.Sampling"] = ["Shared", "Diffusion.Core"],
        ["Diffusion.Data"] = ["Shared", "Diffusion.Core"],
        ["Diffusion.Data.Parquet"] = ["Shared", "Diffusion.Core", "Diffusion.Data"],
        ["Diffusion.Training"] = ["Shared", "Diffusion.Core", "Diffusion.Data"],
        ["Diffusion.Reporting"] = ["Shared", "Diffusion.Core", "Diffusion.Sampling", "Diffusion.Data", "Diffusion.Training"],
        ["Diffusion.Hosting"] = ["Shared", "Diffusion.Core", "Diffusion.Sampling", "Diffusion.Data", "Diffusion.Training"],
        ["Diffusion.Tool"] =
        [
            "Shared", "Diffusion.Core", "Diffusion.Sampling", "Diffusion.Data", "Diffusion.Training", "Diffusion.Reporting",
        ],
    };

    /// <summary>The folders of a package; each may use those that stand before it. The root, an empty name, where a user begins.</summary>
    private static readonly Dictionary<string, string[]> Folders = new(StringComparer.Ordinal)
    {
        ["Diffusion.Core"] = 
        [
            "Files", "Backend", "Schedules", "Guards", "Images", "Randomness", "Weights", "Denoising", "Networks", "Diffusers", "Runs",
        ],
        ["Diffusion.Sampling"] = ["Grids", "Driver", "Guidance", "Samplers", "Diffusers"],
        ["Diffusion.Data"] = ["Pixels", "Transforms", "Sources", "Order", "Loading", "Shards"],
        ["Diffusion.Training"] =
        [
            "Text", "Parts", "Tracing", "Distributed", "Optimization", "Ema", "Objectives", "Options", "Memory", "Advice", "Parallel",
            "Steps", "Checkpoints", "Reports", "Observers", "Measurement", "Health", "Validation", "Running", "Tuning", "",
        ],
        ["Diffusion.Reporting"] = ["Plotting", "Curves", "Runs", "Pages", ""],
        ["Diffusion.Hosting"] = ["Training", "Sampling", ""],
        ["Diffusion.Tool"] = ["Terminal", "Sampling", "RunFiles", "Running", "Datasets", "Backend", "Viewing", "Commands", ""],
    };

    private static readonly Lazy<IReadOnlyList<Import>> Imports = new(SourceImports.Read);

    [Fact]
    public void No_package_uses_one_that_it_must_not() =>
        Imports.Value.Where(import => import.Package != import.OtherPackage && !Packages[import.Package].Contains(import.OtherPackage))
            .Should().BeEmpty();

    [Theory]
    [InlineData("Diffusion.Core")]
    [InlineData("Diffusion.Sampling")]
    [InlineData("Diffusion.Data")]
    [InlineData("Diffusion.Training")]
    [InlineData("Diffusion.Reporting")]
    [InlineData("Diffusion.Hosting")]
    [InlineData("Diffusion.Tool")]
    public void A_folder_uses_only_those_before_it(string package)
    {
        string[] order = Folders[package];
        Import[] imports = [.. Imports.Value.Where(import => import.Package == package && import.OtherPackage == package)];

        imports.Should().NotBeEmpty();
        imports.SelectMany(import => new[] { import.Folder, import.OtherFolder }).Distinct().Should().BeSubsetOf(order);
        imports.Where(import => Array.IndexOf(order, import.OtherFolder) > Array.IndexOf(order, import.Folder)).Should().BeEmpty();
    }
}
