using System.Runtime.InteropServices;
using TorchSharp;

namespace Diffusion;

/// <summary>Where libtorch and TorchSharp's native library lie, and the loading of them in the order that works.</summary>
internal static class NativeLibraries
{
    private const string MissingVersion = "GLIBCXX_3.4.32";

    /// <summary>Loads libtorch, then TorchSharp's native library on top of it.</summary>
    /// <returns>The folder that libtorch came from.</returns>
    public static string Load()
    {
        string? named = Environment.GetEnvironmentVariable(TorchBackend.FolderVariable);
        string? carried = Find(LibraryName("torch_cpu"));
        string folder = Choose(named, carried);

        foreach (string library in (string[])["c10", "torch_cpu", "torch", "torch_cuda"])
        {
            string path = Path.Combine(folder, LibraryName(library));
            if (File.Exists(path))
            {
                LoadOrExplain(path);
            }
        }

        LoadTorchSharp();
        return folder;
    }

    private static string Choose(string? named, string? carried)
    {
        if (string.IsNullOrEmpty(named))
        {
            return Path.GetDirectoryName(carried) ?? throw new NativeBackendException(
                $"No libtorch was found: the application carries none, and {TorchBackend.FolderVariable} names no folder. {Remedy}");
        }

        string wanted = Path.Combine(named, LibraryName("torch_cpu"));
        if (!File.Exists(wanted))
        {
            throw new NativeBackendException(
                $"{TorchBackend.FolderVariable} names '{named}', which does not hold {LibraryName("torch_cpu")}. Name the folder that does "
                + "(a Python installation prints it: python3 -c \"import torch, os; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))\"), "
                + "or unset the variable.");
        }

        if (carried is not null && Path.GetFullPath(carried) != Path.GetFullPath(wanted))
        {
            throw new NativeBackendException(
                $"There are two copies of libtorch: the application carries '{carried}', and {TorchBackend.FolderVariable} names '{named}'. "
                + "Two copies in one process end it. Unset the variable, or build the application without a backend package "
                + "(no TorchSharp-cpu, TorchSharp-cuda-linux or TorchSharp-cuda-windows reference).");
        }

        return named;
    }

    private static void LoadTorchSharp()
    {
        string path = Find(LibraryName("LibTorchSharp")) ?? throw new NativeBackendException(
            $"TorchSharp's native library {LibraryName("LibTorchSharp")} was not found beside the application. "
            + "Build for one of linux-x64, win-x64, win-arm64 or osx-arm64, and keep the package's 'runtimes' folder when copying the output.");
        try
        {
            NativeLibrary.Load(path);
        }
        catch (DllNotFoundException error) when (OperatingSystem.IsLinux() && error.Message.Contains(MissingVersion, StringComparison.Ordinal))
        {
            LoadOrExplain(RelaxedCopy.Of(path, MissingVersion));
        }
        catch (DllNotFoundException error)
        {
            throw Explain(path, error);
        }
    }

    private static void LoadOrExplain(string path)
    {
        try
        {
            NativeLibrary.Load(path);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw Explain(path, error);
        }
    }

    private static NativeBackendException Explain(string path, Exception error) =>
        new($"'{path}' does not load: {error.Message.ReplaceLineEndings(" ").Trim()} {Remedy}", error);

    private static string? Find(string file)
    {
        string searched = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        IEnumerable<string> folders = searched.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Append(AppContext.BaseDirectory)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native"));
        return folders.Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }

    private static string LibraryName(string name) =>
        OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";

    private static string Remedy =>
        OperatingSystem.IsWindows()
            ? $"Add a backend to the application: dotnet add package TorchSharp-cpu --version {Version} (CPU) or "
              + $"dotnet add package TorchSharp-cuda-windows --version {Version} (NVIDIA GPU)."
            : OperatingSystem.IsLinux()
                ? $"Add a backend to the application: dotnet add package TorchSharp-cpu --version {Version} (CPU) or "
                  + $"dotnet add package TorchSharp-cuda-linux --version {Version} (NVIDIA GPU)."
                : $"Add a backend to the application: dotnet add package TorchSharp-cpu --version {Version}.";

    private static string Version => typeof(torch).Assembly.GetName().Version!.ToString(3);
}
