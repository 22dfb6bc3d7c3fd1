using System.ComponentModel;
using System.Diagnostics;
using Diffusion.Tool.Terminal;

namespace Diffusion.Tool.Backend;

/// <summary>Downloads libtorch by restoring a generated project.</summary>
internal static class LibtorchDownload
{
    /// <summary>The project that refers to libtorch for this platform.</summary>
    public static string Project => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <ManagePackageVersionsCentrally>false</ManagePackageVersionsCentrally>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="{InstalledLibtorch.Package}" Version="{InstalledLibtorch.Version}" />
          </ItemGroup>
        </Project>
        """;

    /// <summary>Downloads libtorch unless it is there.</summary>
    /// <exception cref="InvalidOperationException">The .NET SDK is missing, or the download failed.</exception>
    public static void Run(ToolTerminal terminal)
    {
        if (InstalledLibtorch.Exists)
        {
            terminal.Line($"libtorch is already installed in {InstalledLibtorch.Folder}");
            return;
        }

        terminal.Line($"Downloading {InstalledLibtorch.Package} {InstalledLibtorch.Version} to {InstalledLibtorch.Packages} ...");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("diffusion-doctor-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "libtorch.csproj"), Project);
            Restore(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        if (!Directory.Exists(InstalledLibtorch.Folder))
        {
            throw new InvalidOperationException(
                $"The package was downloaded, but has no folder '{InstalledLibtorch.Folder}'. Set {TorchBackend.FolderVariable} instead.");
        }
    }

    private static void Restore(string folder)
    {
        ProcessStartInfo start = new("dotnet", ["restore", "--packages", InstalledLibtorch.Packages, "--verbosity", "quiet"])
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
