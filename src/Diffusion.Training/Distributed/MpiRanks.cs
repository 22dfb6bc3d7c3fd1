using System.Diagnostics;
using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// Signals the processes that an <c>mpirun</c> has started on this machine. A signal to <c>mpirun</c> itself would let it kill them after
/// two seconds (Open MPI), before they could save.
/// </summary>
internal static class MpiRanks
{
    /// <summary>
    /// A function of the shell. Its arguments are the process of <c>mpirun</c> and the signal. Without ranks it signals <c>mpirun</c>,
    /// because there is nothing to save yet. Ranks are the first processes below <c>mpirun</c> that have the variables of a rank, not
    /// those that a rank has started.
    /// </summary>
    public const string Function = """
        ranks_below() {
            for status in $(grep -l "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status); do
                process=${status%/status}
                process=${process#/proc/}
                if grep -qzE '^(OMPI_COMM_WORLD|PMI)_RANK=' "/proc/$process/environ"; then
                    echo "$process"
                else
                    ranks_below "$process"
                fi
            done
        }
        signal_ranks() {
            ranks=$(ranks_below "$1")
            kill -s "$2" ${ranks:-$1}
        }
        """;

    /// <summary>Sends a signal.</summary>
    /// <param name="mpirun">The process of <c>mpirun</c>.</param>
    /// <param name="signal">The number of the signal.</param>
    public static void Signal(int mpirun, int signal)
    {
        using Process shell = Process.Start(new ProcessStartInfo(
            "sh", ["-c", $"exec > /dev/null 2>&1\n{Function}\nsignal_ranks \"$1\" \"$2\"", "sh", Text(mpirun), Text(signal)])
        {
            UseShellExecute = false,
        })!;
        shell.WaitForExit();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
