using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>The end of a process whose group has failed: one line on standard error, then its exit code.</summary>
internal static class GroupFailure
{
    // Long enough for the other processes to print theirs before the launcher ends them, and for the caller to see the exception.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    /// <summary>Reports and ends the process.</summary>
    /// <param name="where">The rank, its step and what it waits in.</param>
    /// <param name="reason">What happened.</param>
    /// <param name="abortEngine">Ends the engine, which may end this process and the others too.</param>
    public static void End(string where, string reason, Action abortEngine)
    {
#pragma warning disable RS0030 // The process ends here, and no logger can be relied on any more.
        Console.Error.WriteLine($"diffusion: {where}: {reason}");
        Console.Error.Flush();
#pragma warning restore RS0030
        using ManualResetEventSlim never = new();
        never.Wait(Grace);
        abortEngine();
        NativeEnvironment.Exit(ProcessGroups.FailureExitCode);
    }
}
