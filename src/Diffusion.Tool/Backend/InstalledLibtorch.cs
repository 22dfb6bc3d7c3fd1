using System.Runtime.InteropServices;

namespace Diffusion.Tool.Backend;

/// <summary>The libtorch in the user's folder, which <c>diffusion doctor --install</c> downloads: for CPUs, with CUDA, or both.</summary>
internal static class InstalledLibtorch
{
    /// <summary>The build for CPUs.</summary>
    public const string Cpu = "cpu";

    /// <summary>The build with CUDA.</summary>
    public const string Cuda = "cuda";

    /// <summary>The version that TorchSharp is built for.</summary>
    public const string Version = "2.10.0";

    /// <summary>The version of CUDA that TorchSharp is built for.</summary>
    public const string CudaVersion = "12.8";

    // Whether this process has set the variable itself.
    private static bool isNamedHere;

    /// <summary>This platform, as in the names of packages: <c>linux-x64</c>.</summary>
    public static string Platform { get; } =
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")
        + $"-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>The folder of everything that is downloaded.</summary>
    public static string Root => Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "diffusion-net");

    /// <summary>NuGet's package with libtorch for CPUs.</summary>
    public static string Package => $"libtorch-cpu-{Platform}";

    /// <summary>The folder of the downloaded package for CPUs.</summary>
    public static string Packages => Path.Combine(Root, "packages");

    /// <summary>The folder of libtorch for CPUs, which need not exist.</summary>
    public static string Folder => Path.Combine(Packages, Package, Version, "runtimes", Platform, "native");

    /// <summary>Whether libtorch for CPUs is completely installed: NuGet writes this file last.</summary>
    public static bool Exists => File.Exists(Path.Combine(Packages, Package, Version, ".nupkg.metadata"));

    /// <summary>The folder of libtorch with CUDA, which need not exist. It appears when it is complete.</summary>
    public static string CudaFolder => Path.Combine(Root, $"{Cuda}-{Version}");

    /// <summary>NuGet's package that refers to all packages with libtorch and CUDA for a platform; null if there is none.</summary>
    /// <param name="platform">The platform.</param>
    public static string? CudaPackage(string platform) =>
        platform is "linux-x64" or "win-x64" ? $"libtorch-cuda-{CudaVersion}-{platform}" : null;

    /// <summary>The build that is used of those that are installed; null for none.</summary>
    /// <param name="hasCpu">Whether that for CPUs is installed.</param>
    /// <param name="hasCuda">Whether that with CUDA is installed.</param>
    /// <param name="hasDriver">Whether the machine has NVIDIA's driver. Without it, the build with CUDA computes on the CPU only.</param>
    public static string? Preferred(bool hasCpu, bool hasCuda, bool hasDriver) =>
        hasCuda && (hasDriver || !hasCpu) ? Cuda : hasCpu ? Cpu : null;

    /// <summary>Makes the library use it, unless the environment names another one. Call it before libtorch is loaded.</summary>
    public static void Use()
    {
        if (!isNamedHere && !string.IsNullOrWhiteSpace(Environment.GetEnvironmentVariable(TorchBackend.FolderVariable)))
        {
            return;
        }

        if (Preferred(Exists, Directory.Exists(CudaFolder), HasDriver()) is { } build)
        {
            Environment.SetEnvironmentVariable(TorchBackend.FolderVariable, build == Cuda ? CudaFolder : Folder);
            isNamedHere = true;
        }
    }

    private static bool HasDriver()
    {
        bool isFound = NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out nint driver);
        if (isFound)
        {
            NativeLibrary.Free(driver);
        }

        return isFound;
    }
}
