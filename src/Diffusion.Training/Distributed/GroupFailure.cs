using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>The end of a process whose group has failed: one line on standard error, then its exit code.</summary>
internal static class GroupFailure
{
    // Long enough for the caller to see the exception. One second after the first process has ended, mpirun sends SIGTERM to the others.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(300);

    private static readonly TimeSpan MaxHold = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Ends the group because of an exception that nobody catches, and waits for <see cref="End"/>: the runtime would end this process
    /// before the others know the reason, with another exit code.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="error">The exception.</param>
    public static void Hold(IProcessGroup group, object error)
    {
        // The line of End contains the message of a DistributedException.
        string reason = error is Exception exception ? exception.Message : "An object was thrown.";
        if (error is not DistributedException)
        {
            Print($"{error}");
        }

        group.Abort(reason);
        Wait(MaxHold);
    }

    /// <summary>Reports and ends the process.</summary>
    /// <param name="where">The rank, its step and what it waits in.</param>
    /// <param name="reason">What happened.</param>
    /// <param name="abortEngine">Ends the engine.</param>
    public static void End(string where, string reason, Action abortEngine)
    {
        // The process ends anyway, and with its own exit code.
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => context.Cancel = true);
        Print($"diffusion: {where}: {reason}");
        Wait(Grace);
        abortEngine();
        NativeEnvironment.Exit(ProcessGroups.FailureExitCode);
    }

    private static void Print(string line)
    {
#pragma warning disable RS0030 // The process ends here, and no logger can be relied on any more.
        Console.Error.WriteLine(line);
        Console.Error.Flush();
#pragma warning restore RS0030
    }

    private static void Wait(TimeSpan time)
    {
        using ManualResetEventSlim never = new();
        never.Wait(time);
    }
}
