using System.Runtime.InteropServices;

namespace Diffusion.Tool.Backend;

/// <summary>The libtorch in the user's folder, which <c>diffusion doctor --install cpu</c> downloads.</summary>
internal static class InstalledLibtorch
{
    /// <summary>The version that TorchSharp is built for.</summary>
    public const string Version = "2.10.0";

    /// <summary>NuGet's package with libtorch for this platform.</summary>
    public static string Package => $"libtorch-cpu-{Platform}";

    /// <summary>The folder of the downloaded packages.</summary>
    public static string Packages => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "diffusion-net", "packages");

    /// <summary>The folder of libtorch, which need not exist.</summary>
    public static string Folder => Path.Combine(Packages, Package, Version, "runtimes", Platform, "native");

    /// <summary>Whether libtorch is completely installed there: NuGet writes this file last.</summary>
    public static bool Exists => File.Exists(Path.Combine(Packages, Package, Version, ".nupkg.metadata"));

    /// <summary>Makes the library use it, unless the environment names another one. Call it before libtorch is loaded.</summary>
    public static void Use()
    {
        if (string.IsNullOrWhiteSpace(Environment.GetEnvironmentVariable(TorchBackend.FolderVariable)) && Exists)
        {
            Environment.SetEnvironmentVariable(TorchBackend.FolderVariable, Folder);
        }
    }

    private static string Platform =>
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")
        + $"-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
}
