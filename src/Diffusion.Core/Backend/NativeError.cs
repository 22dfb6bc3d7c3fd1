using TorchSharp;

namespace Diffusion;

/// <summary>The errors of loading libtorch, each with its cause and the remedy for this operating system.</summary>
internal static class NativeError
{
    private const string LibtorchVersion = UnpackedPackages.LibtorchVersion;

    /// <summary>oneDNN was wrong, and is switched off.</summary>
    public const string WrongConvolutions =
        "libtorch's convolutions (oneDNN) are wrong on this processor: they differ from those in float64. oneDNN is switched off for "
        + "this process. Results are right; convolutions on the CPU are slower. Another machine, or a GPU, is faster.";

    private static string Version => typeof(torch).Assembly.GetName().Version!.ToString(3);

    private static string AddBackend =>
        $"dotnet add package TorchSharp-cpu --version {Version}"
        + (OperatingSystem.IsWindows() ? $" (CPU), or dotnet add package TorchSharp-cuda-windows --version {Version} (NVIDIA GPU)"
            : OperatingSystem.IsLinux() ? $" (CPU), or dotnet add package TorchSharp-cuda-linux --version {Version} (NVIDIA GPU)"
            : "");

    public static NativeBackendException NoLibtorch() => new(
        $"No libtorch was found: the application contains none, and {TorchBackend.FolderVariable} is not set. "
        + $"Add a backend package to the application: {AddBackend}.");

    public static NativeBackendException Unsupported() => new(
        $"This process runs on {NativeSearch.Platform}, for which TorchSharp {Version} has no native library. "
        + "It has one for linux-x64, win-x64, win-arm64 and osx-arm64: run there, with a .NET of that architecture.");

    public static NativeBackendException NoSuchFolder(string folder) => new(
        $"{TorchBackend.FolderVariable} names '{folder}', which is not a folder. Name the folder that holds libtorch, "
        + $"or unset the variable and add a backend package to the application: {AddBackend}.");

    public static NativeBackendException NotALibtorchFolder(string folder, string file) => new(
        $"{TorchBackend.FolderVariable} names '{folder}', which does not hold {file}. Name the folder that does "
        + "(Python prints its own: python3 -c \"import torch, os; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))\"), "
        + $"or unset the variable and add a backend package to the application: {AddBackend}.");

    public static NativeBackendException Incomplete(string folder, string[] missing) => new(
        $"The libtorch in '{folder}' is incomplete: it lacks {string.Join(" and ", missing)}. "
        + $"Install that libtorch again; if it belongs to the application: {AddBackend}, then rebuild.");

    public static NativeBackendException TwoCopies(string[] copies, bool oneIsLoaded) => new(
        $"There is more than one libtorch: {string.Join(", and ", copies)}. Two copies in one process would crash it. "
        + (oneIsLoaded
            ? "Call TorchBackend.EnsureLoaded() before anything else, TorchSharp included, loads libtorch, and keep one copy: "
            : "Keep one: ")
        + $"unset {TorchBackend.FolderVariable}, or build the application without a backend package "
        + "(no TorchSharp-cpu, TorchSharp-cuda-linux or TorchSharp-cuda-windows reference).");

    public static NativeBackendException LibtorchFails(string path, string cause) => new(
        $"'{path}' ({Size(path)} bytes) does not load: {cause} If the file is damaged, delete it and its package from the NuGet cache "
        + $"and rebuild ({AddBackend}); if a library that it needs is missing, install it"
        + (OperatingSystem.IsWindows() ? " (often it is the Visual C++ redistributable)." : "."));

    public static NativeBackendException NoRightConvolutions() => new(
        "libtorch's convolutions are wrong on this processor: they differ from those in float64. Networks would learn nothing, and images "
        + "would be wrong. Set the environment variable ONEDNN_MAX_CPU_ISA=SSE41 before the program starts (slow, but right where it was "
        + "tried), or use another machine.");

    public static NativeBackendException NoBinding(string file) => new(
        $"TorchSharp's native library {file} was not found beside the application. It comes with the TorchSharp package in "
        + $"'runtimes/{NativeSearch.Platform}/native': rebuild (dotnet add package TorchSharp --version {Version}), "
        + "and copy that folder along with the program.");

    public static NativeBackendException BindingFails(string path, string cause) =>
        OperatingSystem.IsWindows() && cause.Contains("0x8007007F", StringComparison.OrdinalIgnoreCase)
            ? new($"'{path}' does not load: {cause} On Windows, TorchSharp {Version}'s native library does not match the libtorch "
                + $"{LibtorchVersion} of its own packages (dotnet/TorchSharp#1567); no setting fixes that. Run on Linux or in WSL 2, "
                + "or use a later TorchSharp that fixes it.")
            : cause.Contains(NativeLoader.UndefinedSymbol, StringComparison.Ordinal)
                ? new($"'{path}' does not match the loaded libtorch ({cause}). TorchSharp {Version} is built for libtorch "
                    + $"{LibtorchVersion}. Let {TorchBackend.FolderVariable} name a libtorch of that version, or unset it and add a "
                    + $"backend package: {AddBackend}.")
                : new($"'{path}' ({Size(path)} bytes) does not load: {cause} If the file is damaged, delete it and its package from the "
                    + $"NuGet cache and rebuild (dotnet add package TorchSharp --version {Version}).");

    public static NativeBackendException TorchSharpFailedBefore(Exception error) => new(
        "libtorch is loaded, but TorchSharp was used earlier in this process and failed, and .NET does not initialize it again. "
        + "Call TorchBackend.EnsureLoaded() before the first use of TorchSharp.", error);

    private static long Size(string path) => new FileInfo(NativeSearch.RealPath(path)).Length;
}
