using System.ComponentModel;
using System.Diagnostics;

namespace Diffusion.Training;

/// <summary>The processes of one start of a <see cref="ProcessLauncher"/>, and their end.</summary>
/// <param name="grace">How long they may take to end after a signal, before they are killed.</param>
/// <param name="isMpi">Whether the one process is <c>mpirun</c>, whose ranks get the signals.</param>
internal sealed class LaunchedProcesses(TimeSpan grace, bool isMpi) : IDisposable
{
    private const int SigTerm = 15;
    private static readonly TimeSpan MpirunGrace = TimeSpan.FromSeconds(5); // Open MPI kills its ranks after two

    private readonly Lock gate = new();
    private readonly List<Process> processes = [];
    private readonly List<LauncherGuard> guards = [];
    private int asked;
    private bool isMpirunAsked;
    private Timer? limit;

    /// <summary>Starts a process. If the others are ending, it gets their signal.</summary>
    /// <exception cref="DistributedException">The program is not found.</exception>
    public void Start(ProcessStartInfo start)
    {
        try
        {
            lock (gate)
            {
                processes.Add(Process.Start(start)!);
                guards.Add(new LauncherGuard(processes[^1], grace, isMpi ? MpirunGrace : null));
                if (asked != 0)
                {
                    Signal(processes[^1], asked);
                }
            }
        }
        catch (Win32Exception error)
        {
            throw new DistributedException($"{start.FileName} could not be started: {error.Message}.", error);
        }
    }

    /// <summary>Asks all processes to end, and kills those that are left after the grace. A second call does nothing.</summary>
    /// <param name="signal">The number of the signal.</param>
    public void End(int signal)
    {
        lock (gate)
        {
            if (asked != 0)
            {
                return;
            }

            asked = signal;
            limit = new Timer(_ => EndNow(), null, grace, Timeout.InfiniteTimeSpan);
            processes.ForEach(process => Signal(process, signal));
        }
    }

    /// <summary>Kills the processes, after they were asked to end. <c>mpirun</c> kills its ranks itself, if it can.</summary>
    public void EndNow()
    {
        lock (gate)
        {
            if (asked == 0)
            {
                return; // the call is late: these processes have ended
            }

            if (!isMpi || isMpirunAsked)
            {
                Kill();
                return;
            }

            isMpirunAsked = true;
            foreach (Process mpirun in processes.Where(process => !process.HasExited))
            {
                _ = NativeEnvironment.Signal(mpirun.Id, SigTerm);
            }

            limit!.Change(MpirunGrace, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Waits for all processes. After the first failure it ends the others.</summary>
    /// <returns>0, or the exit code of the first that failed.</returns>
    public int Wait()
    {
        List<Task<int>> ends = [.. processes.Select(EndOf)];
        int exitCode = 0;
        while (ends.Count > 0)
        {
            int first = Task.WaitAny([.. ends]);
            int code = ends[first].Result;
            ends.RemoveAt(first);
            if (code != 0 && exitCode == 0)
            {
                exitCode = code;
                End(SigTerm);
            }
        }

        Clear();
        return exitCode;
    }

    /// <summary>Kills what is left.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            Kill();
        }

        Clear();
    }

    private static async Task<int> EndOf(Process process)
    {
        await process.WaitForExitAsync().ConfigureAwait(false);
        return process.ExitCode;
    }

    private void Signal(Process process, int signal)
    {
        if (process.HasExited)
        {
            return;
        }

        if (isMpi)
        {
            MpiRanks.Signal(process.Id, signal);
        }
        else
        {
            _ = NativeEnvironment.Signal(process.Id, signal);
        }
    }

    private void Kill()
    {
        foreach (Process process in processes.Where(process => !process.HasExited))
        {
            process.Kill(entireProcessTree: true);
        }
    }

    private void Clear()
    {
        lock (gate)
        {
            limit?.Dispose();
            limit = null;
            (asked, isMpirunAsked) = (0, false);
            guards.ForEach(guard => guard.Dispose());
            guards.Clear();
            processes.ForEach(process => process.Dispose());
            processes.Clear();
        }
    }
}
