using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>
/// Starts the processes that train together on this machine. When one fails, it ends the others, and starts all again if that is allowed;
/// a run with checkpoints then resumes. SIGTERM and Ctrl+C reach every process. If the launcher itself is killed, the processes get
/// SIGTERM. Linux only.
/// </summary>
/// <example>
/// <code>
/// return ProcessLauncher.Run(new ProcessLaunchOptions { Processes = 2, Command = ["dotnet", "Train.dll"], MaxRestarts = 3 });
/// </code>
/// </example>
public static class ProcessLauncher
{
    private const int SigInt = 2;
    private const int SigTerm = 15;

    /// <summary>Starts the processes and waits until all have ended.</summary>
    /// <param name="options">What to start.</param>
    /// <param name="cancellationToken">Ends the processes as SIGTERM does.</param>
    /// <returns>0 if every process ended with 0; else the exit code of the first that failed, 128 plus the signal's number if a signal
    /// ended it.</returns>
    /// <exception cref="DistributedException">The program or <c>mpirun</c> is not found.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="PlatformNotSupportedException">The system is not Linux.</exception>
    public static int Run(ProcessLaunchOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Several processes train together on Linux only.");
        }

        using LaunchedProcesses launched = new(options.Grace);
        int signalled = 0;
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Forward(context, SigInt));
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Forward(context, SigTerm));
        using CancellationTokenRegistration cancel = cancellationToken.Register(() => Send(SigTerm));
        for (int restart = 0; ; restart++)
        {
            foreach (ProcessStartInfo start in Starts(options, restart))
            {
                launched.Start(start);
            }

            if (Volatile.Read(ref signalled) is var early and not 0)
            {
                launched.Signal(early); // it arrived before all had started
            }

            int exitCode = launched.Wait();
            if (exitCode == 0 || restart == options.MaxRestarts || Volatile.Read(ref signalled) != 0)
            {
                return exitCode;
            }
        }

        void Forward(PosixSignalContext context, int signal)
        {
            context.Cancel = true;
            Volatile.Write(ref signalled, signal);
            if (signal != SigInt || !IsInForeground())
            {
                launched.Signal(signal);
            }
        }

        void Send(int signal)
        {
            Volatile.Write(ref signalled, signal);
            launched.Signal(signal);
        }
    }

    // The terminal sends Ctrl+C to all processes of the foreground group, which the launched ones belong to.
    private static bool IsInForeground()
    {
        string status = File.ReadAllText("/proc/self/stat");
        string[] fields = status[(status.LastIndexOf(')') + 2)..].Split(' '); // state, parent, group, session, terminal, foreground group
        return fields[2] == fields[5];
    }

    private static IEnumerable<ProcessStartInfo> Starts(ProcessLaunchOptions options, int restart)
    {
        if (options.Engine == ProcessGroupEngine.Mpi)
        {
            // Open MPI 4 and 5 read from these variables what MPICH needs no option for: that there may be more processes than cores.
            ProcessStartInfo start = new("mpirun", ["-np", Text(options.Processes), .. options.Command]);
            start.Environment["OMPI_MCA_rmaps_base_oversubscribe"] = "1";
            start.Environment["PRTE_MCA_rmaps_default_mapping_policy"] = ":oversubscribe";
            if (Environment.IsPrivilegedProcess)
            {
                start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
                start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
            }

            yield return start;
            yield break;
        }

        string port = Text(FreePort());
        for (int rank = 0; rank < options.Processes; rank++)
        {
            ProcessStartInfo start = new(options.Command[0], options.Command.Skip(1));
            start.Environment["RANK"] = Text(rank);
            start.Environment["LOCAL_RANK"] = Text(rank);
            start.Environment["WORLD_SIZE"] = Text(options.Processes);
            start.Environment["LOCAL_WORLD_SIZE"] = Text(options.Processes);
            start.Environment["MASTER_ADDR"] = "127.0.0.1";
            start.Environment["MASTER_PORT"] = port;
            start.Environment["TORCHELASTIC_RESTART_COUNT"] = Text(restart);
            yield return start;
        }
    }

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    // The processes of one start, and their end.
    private sealed class LaunchedProcesses(TimeSpan grace) : IDisposable
    {
        private readonly Lock gate = new();
        private readonly List<Process> processes = [];
        private readonly List<LauncherGuard> guards = [];

        public void Start(ProcessStartInfo start)
        {
            try
            {
                lock (gate)
                {
                    processes.Add(Process.Start(start)!);
                    guards.Add(new LauncherGuard(processes[^1], grace));
                }
            }
            catch (Win32Exception error)
            {
                string remedy = start.FileName == "mpirun" ? $" Install it: {ProcessGroups.InstallOpenMpi}." : string.Empty;
                throw new DistributedException($"{start.FileName} could not be started: {error.Message}.{remedy}", error);
            }
        }

        public void Signal(int signal)
        {
            lock (gate)
            {
                foreach (Process process in processes.Where(process => !process.HasExited))
                {
                    _ = NativeEnvironment.Signal(process.Id, signal);
                }
            }
        }

        /// <summary>Waits for all, or for the first failure, after which it ends the others.</summary>
        public int Wait()
        {
            List<Task<int>> ends = [.. processes.Select(EndOf)];
            int exitCode = 0;
            while (ends.Count > 0 && exitCode == 0)
            {
                int first = Task.WaitAny([.. ends]);
                exitCode = ends[first].Result;
                ends.RemoveAt(first);
            }

            Signal(SigTerm);
            if (!Task.WaitAll([.. ends], grace))
            {
                Kill();
                Task.WaitAll([.. ends]);
            }

            Clear();
            return exitCode;
        }

        public void Dispose()
        {
            Kill();
            Clear();
        }

        private static async Task<int> EndOf(Process process)
        {
            await process.WaitForExitAsync().ConfigureAwait(false);
            return process.ExitCode;
        }

        private void Kill()
        {
            lock (gate)
            {
                foreach (Process process in processes.Where(process => !process.HasExited))
                {
                    process.Kill(entireProcessTree: true);
                }
            }
        }

        private void Clear()
        {
            lock (gate)
            {
                guards.ForEach(guard => guard.Dispose());
                guards.Clear();
                processes.ForEach(process => process.Dispose());
                processes.Clear();
            }
        }
    }
}
