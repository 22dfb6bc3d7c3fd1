using System.Diagnostics;
using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// Ends a process if its launcher ends first, even by SIGKILL: a shell reads from a pipe that the launcher holds open.
/// </summary>
internal sealed class LauncherGuard : IDisposable
{
    // The arguments are the process, the seconds that it may take to end after SIGTERM, and the seconds that mpirun may take to end its
    // ranks after that, empty for another process. A line of input ends the guard.
    private const string Script = $$"""
        trap '' INT TERM HUP
        exec > /dev/null 2>&1
        {{MpiRanks.Function}}
        ends() {
            left=$2
            while kill -0 "$1"; do
                [ "$left" -le 0 ] && return 1
                left=$((left - 1))
                sleep 1
            done
        }
        read -r line && exit
        if [ -n "$3" ]; then
            signal_ranks "$1" TERM
            ends "$1" "$2" && exit
            kill -TERM "$1"
            ends "$1" "$3" && exit
        else
            kill -TERM "$1"
            ends "$1" "$2" && exit
        fi
        kill -KILL "$1"
        """;

    private readonly Process shell;

    /// <summary>Starts to guard.</summary>
    /// <param name="process">The process, which this program has started.</param>
    /// <param name="grace">How long it may take to end after SIGTERM.</param>
    /// <param name="mpirunGrace">How long <c>mpirun</c> may take to end its ranks after that; null for another process.</param>
    public LauncherGuard(Process process, TimeSpan grace, TimeSpan? mpirunGrace)
    {
        string last = mpirunGrace is { } limit ? Seconds(limit) : string.Empty;
        shell = Process.Start(new ProcessStartInfo(
            "sh", ["-c", Script, "sh", process.Id.ToString(CultureInfo.InvariantCulture), Seconds(grace), last])
        {
            RedirectStandardInput = true,
            UseShellExecute = false,
        })!;
    }

    /// <summary>Stops guarding, after the process has ended.</summary>
    public void Dispose()
    {
        try
        {
            shell.StandardInput.WriteLine();
        }
        catch (IOException)
        {
            // Something else has ended the shell.
        }

        shell.WaitForExit();
        shell.Dispose();
    }

    private static string Seconds(TimeSpan time) => ((long)Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
}
