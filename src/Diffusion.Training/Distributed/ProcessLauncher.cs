using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>
/// Starts the processes that train together on this machine. When one fails, it ends the others, and starts all again if that is allowed;
/// a run with checkpoints then resumes. SIGTERM, SIGHUP and Ctrl+C reach every process, which has
/// <see cref="ProcessLaunchOptions.Grace"/> to save and end; a second signal kills what is left. If the launcher itself is killed, the
/// processes get SIGTERM. Linux only.
/// </summary>
/// <example>
/// <code>
/// return ProcessLauncher.Run(new ProcessLaunchOptions { Processes = 2, Command = ["dotnet", "Train.dll"], MaxRestarts = 3 });
/// </code>
/// </example>
public static class ProcessLauncher
{
    private const string Mpirun = "mpirun";
    private const int SigHup = 1;
    private const int SigInt = 2;
    private const int SigTerm = 15;
    private static readonly int[] Stopped = [129, 130, 143]; // by SIGHUP, SIGINT and SIGTERM

    /// <summary>
    /// Starts the processes and waits until all have ended. They are not started again after they were stopped, by a signal to the launcher
    /// or by SIGHUP, SIGINT or SIGTERM to one of them.
    /// </summary>
    /// <param name="options">What to start.</param>
    /// <param name="cancellationToken">Ends the processes as SIGTERM does.</param>
    /// <returns>0 if every process ended with 0; else the exit code of the first that failed, 128 plus the signal's number if a signal
    /// ended it.</returns>
    /// <exception cref="DistributedException">The program or <c>mpirun</c> is not found.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="PlatformNotSupportedException">The system is not Linux.</exception>
    public static int Run(ProcessLaunchOptions options, CancellationToken cancellationToken = default) =>
        Run(options, Mpirun, cancellationToken);

    /// <summary>Runs with another <c>mpirun</c>.</summary>
    /// <param name="options">What to start.</param>
    /// <param name="mpirun">Its name or path.</param>
    /// <param name="cancellationToken">Ends the processes as SIGTERM does.</param>
    internal static int Run(ProcessLaunchOptions options, string mpirun, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Several processes train together on Linux only.");
        }

        bool isMpi = options.Engine == ProcessGroupEngine.Mpi;
        if (isMpi && !IsFound(mpirun))
        {
            throw new DistributedException($"{mpirun} is not found. Install it: {ProcessGroups.InstallOpenMpi}.");
        }

        if (!IsFound(options.Command[0]))
        {
            throw new DistributedException(
                $"{options.Command[0]} could not be started: it is not found. Name a program that is installed.");
        }

        using LaunchedProcesses launched = new(options.Grace, isMpi);
        bool isStopped = false;
        int signals = 0;
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Forward(context, SigHup));
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Forward(context, SigInt));
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Forward(context, SigTerm));
        using CancellationTokenRegistration cancel = cancellationToken.Register(() => Stop(SigTerm));
        for (int restart = 0; ; restart++)
        {
            foreach (ProcessStartInfo start in Starts(options, mpirun, restart))
            {
                launched.Start(start);
            }

            int exitCode = launched.Wait();
            if (exitCode == 0 || restart == options.MaxRestarts || Volatile.Read(ref isStopped) || Stopped.Contains(exitCode))
            {
                return exitCode;
            }
        }

        // A program may also cancel the token because of the first signal: only signals are counted.
        void Forward(PosixSignalContext context, int signal)
        {
            context.Cancel = true;
            if (Interlocked.Increment(ref signals) == 1)
            {
                Stop(signal);
            }
            else
            {
                launched.EndNow();
            }
        }

        void Stop(int signal)
        {
            Volatile.Write(ref isStopped, true);
            launched.End(signal);
        }
    }

    private static bool IsFound(string program) => program.Contains('/', StringComparison.Ordinal)
        ? File.Exists(program)
        : (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    private static IEnumerable<ProcessStartInfo> Starts(ProcessLaunchOptions options, string mpirun, int restart)
    {
        if (options.Engine == ProcessGroupEngine.Mpi)
        {
            // Open MPI 4 and 5 read from these variables what MPICH needs no option for: that there may be more processes than cores.
            ProcessStartInfo start = OfOwnSession([mpirun, "-np", Text(options.Processes), .. options.Command]);
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
            ProcessStartInfo start = OfOwnSession(options.Command);
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

    // The terminal sends Ctrl+C and its end to all processes of its session. So they get each signal once, from the launcher.
    private static ProcessStartInfo OfOwnSession(IEnumerable<string> command) => new("setsid", command);

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
