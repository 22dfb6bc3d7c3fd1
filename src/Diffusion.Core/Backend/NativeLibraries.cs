using System.Runtime.CompilerServices;
using TorchSharp;

namespace Diffusion;

/// <summary>Loads libtorch, then TorchSharp's native library, in the required order.</summary>
internal static class NativeLibraries
{
    private const string Binding = "LibTorchSharp";
    private const string NewerRuntime = "GLIBCXX_3.4.32"; // GCC 13's libstdc++

    private static readonly string[] Parts = ["c10", "torch_cpu", "torch", "torch_cuda"];

    /// <summary>Loads everything that TorchSharp needs.</summary>
    /// <returns>The folder that libtorch came from.</returns>
    public static string Load()
    {
        string binding = NativeSearch.Carried(Binding) ?? NativeSearch.Mapped(Binding) ?? NativeSearch.Unpacked(Binding)
            ?? throw (NativeSearch.IsSupported ? NativeError.NoBinding(NativeSearch.FileName(Binding)) : NativeError.Unsupported());
        string folder = LibtorchFolder.Choose();
        foreach (string path in Parts.Select(part => Path.Combine(folder, NativeSearch.FileName(part))).Where(File.Exists))
        {
            if (NativeLoader.Load(path) is { } cause)
            {
                throw NativeError.LibtorchFails(path, cause);
            }
        }

        LoadBinding(binding);
        StartTorchSharp();
        return folder;
    }

    private static void LoadBinding(string path)
    {
        if (NativeSearch.Mapped(Binding) is not null)
        {
            return;
        }

        string? cause = NativeLoader.Load(path, everySymbol: true);
        if (cause is not null && OperatingSystem.IsLinux() && cause.Contains(NewerRuntime, StringComparison.Ordinal))
        {
            cause = RelaxedCopy.Load(path, NewerRuntime);
        }

        if (cause is not null)
        {
            throw NativeError.BindingFails(path, cause);
        }
    }

    /// <summary>Runs TorchSharp's initialization now: if it failed earlier, .NET does not run it again in this process.</summary>
    private static void StartTorchSharp()
    {
        try
        {
            RuntimeHelpers.RunClassConstructor(typeof(torch).TypeHandle);
        }
        catch (TypeInitializationException error)
        {
            throw NativeError.TorchSharpFailedBefore(error);
        }
    }
}
