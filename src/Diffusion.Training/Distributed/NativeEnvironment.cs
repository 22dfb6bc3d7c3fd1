using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>
/// Calls of the C library. .NET's <see cref="Environment.SetEnvironmentVariable(string, string?)"/> is invisible to native code on Linux.
/// </summary>
internal static partial class NativeEnvironment
{
    /// <summary>Sets a variable for native code, unless it is set.</summary>
    public static void SetDefault(string name, string value) => _ = SetVariable(name, value, overwrite: 0);

    /// <summary>Ends the process at once, without the work of an orderly exit, which may wait for a thread that hangs.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void Exit(int code);

    /// <summary>Sends a signal to a process.</summary>
    [LibraryImport("libc", EntryPoint = "kill")]
    public static partial int Signal(int process, int signal);

    /// <summary>Loads a library as <c>dlopen</c> does; 0 if it cannot.</summary>
    [LibraryImport("libc", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint Load(string name, int flags);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
