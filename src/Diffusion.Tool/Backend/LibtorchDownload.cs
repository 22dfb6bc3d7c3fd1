using System.ComponentModel;
using System.Diagnostics;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Backend;

/// <summary>Downloads libtorch by restoring a generated project.</summary>
internal static class LibtorchDownload
{
    /// <summary>The project that refers to a package of libtorch.</summary>
    /// <param name="package">The name of the package.</param>
    public static string Project(string package) => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <ManagePackageVersionsCentrally>false</ManagePackageVersionsCentrally>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="{package}" Version="{InstalledLibtorch.Version}" />
          </ItemGroup>
        </Project>
        """;

    /// <summary>Downloads libtorch for CPUs unless it is there.</summary>
    /// <exception cref="InvalidOperationException">The .NET SDK is missing, or the download failed.</exception>
    public static void Cpu(ToolTerminal terminal)
    {
        if (InstalledLibtorch.Exists)
        {
            terminal.Line($"libtorch is already installed in {InstalledLibtorch.Folder}");
            return;
        }

        Restore(InstalledLibtorch.Package, InstalledLibtorch.Packages, terminal);
        if (!Directory.Exists(InstalledLibtorch.Folder))
        {
            throw new InvalidOperationException(
                $"The package was downloaded, but has no folder '{InstalledLibtorch.Folder}'. Set {TorchBackend.FolderVariable} instead.");
        }
    }

    /// <summary>Downloads libtorch with CUDA unless it is there.</summary>
    /// <param name="terminal">Where to say so.</param>
    /// <param name="platform">The platform.</param>
    /// <exception cref="ToolUsageException">There is no libtorch with CUDA for this platform.</exception>
    /// <exception cref="InvalidOperationException">The .NET SDK is missing, or the download failed.</exception>
    /// <exception cref="InvalidDataException">A package is incomplete.</exception>
    public static void Cuda(ToolTerminal terminal, string platform)
    {
        string package = InstalledLibtorch.CudaPackage(platform) ?? throw new ToolUsageException(
            $"--install is {InstalledLibtorch.Cuda}, but this is {platform}, and NuGet has libtorch with CUDA for linux-x64 and win-x64 "
                + $"only. Use {InstalledLibtorch.Cpu}, or set {TorchBackend.FolderVariable}.");
        if (Directory.Exists(InstalledLibtorch.CudaFolder))
        {
            terminal.Line($"libtorch is already installed in {InstalledLibtorch.CudaFolder}");
            return;
        }

        string packages = Path.Combine(InstalledLibtorch.Root, "cuda-download");
        string gathered = $"{InstalledLibtorch.CudaFolder}-incomplete";
        if (Directory.Exists(gathered))
        {
            Discard(packages); // An earlier call was killed after it had moved files: NuGet would not notice.
        }

        Restore(package, packages, terminal);
        try
        {
            CudaPackages.Gather(packages, platform, gathered);
            Directory.Move(gathered, InstalledLibtorch.CudaFolder);
        }
        finally
        {
            Discard(packages);
        }
    }

    private static void Discard(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Restore(string package, string packages, ToolTerminal terminal)
    {
        terminal.Line($"Downloading {package} {InstalledLibtorch.Version} to {packages} ...");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("diffusion-doctor-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "libtorch.csproj"), Project(package));
            Run(["restore", "--packages", packages, "--verbosity", "quiet"], folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Run(IEnumerable<string> arguments, string folder)
    {
        ProcessStartInfo start = new("dotnet", arguments)
        {
            WorkingDirectory = folder, UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                throw new InvalidOperationException(
                    $"dotnet restore failed: {output.Trim()} {errors.Result.Trim()} Check the network and NuGet's sources.");
            }
        }
        catch (Win32Exception error)
        {
            throw new InvalidOperationException(
                $"dotnet could not be started: {error.Message}. Install the .NET 10 SDK, or set {TorchBackend.FolderVariable}.", error);
        }
    }
}
