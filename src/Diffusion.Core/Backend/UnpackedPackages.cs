namespace Diffusion;

/// <summary>
/// Native libraries in the folder where NuGet unpacks packages. A notebook loads TorchSharp from there, and nothing copies the native
/// libraries beside the program.
/// </summary>
internal static class UnpackedPackages
{
    /// <summary>The version of libtorch that TorchSharp 0.107.0 is built for.</summary>
    public const string LibtorchVersion = "2.10.0";

    /// <summary>Finds a library in TorchSharp's package, or in the package of libtorch for CPUs.</summary>
    /// <param name="torchSharp">The folder that TorchSharp was loaded from: <c>torchsharp/0.107.0/lib/net8.0</c> in NuGet's folder.</param>
    /// <param name="library">Its name, such as <c>torch_cpu</c>.</param>
    /// <returns>The file; null if TorchSharp was loaded from another place, or the library is not there.</returns>
    public static string? Find(string torchSharp, string library)
    {
        DirectoryInfo? lib = Directory.GetParent(torchSharp);
        if (lib is not { Name: "lib", Parent.Parent.Parent: { } packages })
        {
            return null;
        }

        string[] places = [lib.Parent!.FullName, Path.Combine(packages.FullName, $"libtorch-cpu-{NativeSearch.Platform}", LibtorchVersion)];
        return places.Select(place => Path.Combine(place, "runtimes", NativeSearch.Platform, "native", NativeSearch.FileName(library)))
            .FirstOrDefault(File.Exists);
    }
}
