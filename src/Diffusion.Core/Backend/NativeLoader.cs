using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Diffusion;

/// <summary>Loads one native library by its path and returns the operating system's error if that fails.</summary>
internal static partial class NativeLoader
{
    /// <summary>Linux's error for a function that no loaded library has.</summary>
    public const string UndefinedSymbol = "undefined symbol";

    private const int Lazy = 1; // RTLD_LAZY
    private const int Now = 2; // RTLD_NOW

    /// <summary>Loads the library.</summary>
    /// <param name="path">The absolute path of the library.</param>
    /// <param name="everySymbol">
    /// On Linux, resolves every function now: with another version of libtorch the first call of a missing one would crash the process.
    /// </param>
    /// <returns>Why it does not load; null when it is loaded.</returns>
    public static string? Load(string path, bool everySymbol = false)
    {
        if (OperatingSystem.IsLinux())
        {
            return Damage(path) ?? LoadOnLinux(path, everySymbol ? Now : Lazy);
        }

        try
        {
            NativeLibrary.Load(path);
            return null;
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            return error.Message.ReplaceLineEndings(" ").Trim();
        }
    }

    private static string? Damage(string path)
    {
        try
        {
            return ElfFile.IsCutShort(path) ? "the file is truncated." : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"the file cannot be read: {error.Message}";
        }
    }

    [SupportedOSPlatform("linux")]
    private static string? LoadOnLinux(string path, int flags)
    {
        // The first call of dlerror resolves it, which itself loads a library and would discard the error.
        Error();
        return Open(path, flags) != 0 ? null : Marshal.PtrToStringUTF8(Error()) ?? "the loader gave no reason.";
    }

    [LibraryImport("libdl.so.2", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string path, int flags);

    [LibraryImport("libdl.so.2", EntryPoint = "dlerror")]
    private static partial nint Error();
}
