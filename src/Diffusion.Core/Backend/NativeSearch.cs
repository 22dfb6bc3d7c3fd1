using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Diffusion;

/// <summary>Where native libraries lie: those that the application contains, and those that this process has loaded already.</summary>
internal static class NativeSearch
{
    /// <summary>The portable name of this platform, as in a package's <c>runtimes</c> folder: <c>linux-x64</c>.</summary>
    public static string Platform { get; } =
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")
        + $"-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>Whether TorchSharp's package holds a native library for this platform.</summary>
    public static bool IsSupported => Platform is "linux-x64" or "win-x64" or "win-arm64" or "osx-arm64";

    /// <summary>How this platform compares paths.</summary>
    public static StringComparer PathComparer => OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;

    /// <summary>The file name of a library on this platform: <c>libc10.so</c>, <c>c10.dll</c>, <c>libc10.dylib</c>.</summary>
    public static string FileName(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";

    /// <summary>The library among the files that came with the application; null when there is none.</summary>
    public static string? Carried(string library) =>
        Folders().Select(folder => Path.Combine(folder, FileName(library))).FirstOrDefault(File.Exists);

    /// <summary>The library in the packages that NuGet unpacked, if TorchSharp was loaded from there; otherwise null.</summary>
    public static string? Unpacked(string library) => UnpackedPackages.Find(FolderOfTorchSharp(), library);

    /// <summary>
    /// The library that this process has loaded already, <c>libtorch_cpu.so.1.13</c> of the system included; null when there is none.
    /// Not known on macOS.
    /// </summary>
    public static string? Mapped(string library)
    {
        using Process process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().Select(module => module.FileName)
            .FirstOrDefault(path => IsNamed(path, FileName(library)));
    }

    /// <summary>The path with every link on the way resolved, so that two names of one file compare equal.</summary>
    public static string RealPath(string path)
    {
        string full = Path.GetFullPath(path);
        if (Path.GetDirectoryName(full) is not { } parent)
        {
            return full;
        }

        string realParent = RealPath(parent);
        string here = Path.Combine(realParent, Path.GetFileName(full));
        FileSystemInfo entry = Directory.Exists(here) ? new DirectoryInfo(here) : new FileInfo(here);
        return entry.LinkTarget is { } target ? RealPath(Path.Combine(realParent, target)) : here;
    }

    private static bool IsNamed(string path, string file)
    {
        string name = Path.GetFileName(path);
        return PathComparer.Equals(name, file) || (OperatingSystem.IsLinux() && name.StartsWith($"{file}.", StringComparison.Ordinal));
    }

    private static IEnumerable<string> Folders()
    {
        // The host's own list: 'runtimes/<platform>/native' of the output, the folder of a published program, a single file's extraction.
        string known = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        foreach (string folder in known.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            yield return folder;
        }

        foreach (string root in (string[])[AppContext.BaseDirectory, FolderOfTorchSharp()])
        {
            yield return root;
            yield return Path.Combine(root, "runtimes", Platform, "native");
        }
    }

    [UnconditionalSuppressMessage("SingleFile", "IL3000",
        Justification = "Empty in a single-file program, whose folder is searched as well.")]
    private static string FolderOfTorchSharp() =>
        Path.GetDirectoryName(typeof(torch).Assembly.Location) is { Length: > 0 } folder ? folder : AppContext.BaseDirectory;
}
