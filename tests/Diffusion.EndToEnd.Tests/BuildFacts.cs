using System.Reflection;

namespace Diffusion.EndToEnd.Tests;

/// <summary>Facts that the build wrote into this assembly.</summary>
internal static class BuildFacts
{
    /// <summary>The folder with the solution.</summary>
    public static string Repository { get; } = Read("Repository");

    /// <summary>Debug or Release.</summary>
    public static string Configuration { get; } = Read("Configuration");

    /// <summary>NuGet's folder of unpacked packages.</summary>
    public static string PackageCache { get; } = Read("PackageCache");

    private static string Read(string key) =>
        typeof(BuildFacts).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(fact => fact.Key == key).Value!;
}
