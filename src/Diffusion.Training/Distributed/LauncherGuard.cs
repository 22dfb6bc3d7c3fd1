using System.Diagnostics;
using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// Ends a process if its launcher ends first, even by SIGKILL: a shell reads from a pipe that the launcher holds open.
/// </summary>
internal sealed class LauncherGuard : IDisposable
{
    // The arguments are the process and the seconds that it may take to end after SIGTERM. A line of input ends the guard.
    private const string Script = """
        trap '' INT TERM HUP
        exec > /dev/null 2>&1
        read -r line && exit
        kill -TERM "$1"
        while kill -0 "$1"; do
            [ "$2" -le 0 ] && kill -KILL "$1" && exit
            set -- "$1" $(($2 - 1))
            sleep 1
        done
        """;

    private readonly Process shell;

    /// <summary>Starts to guard.</summary>
    /// <param name="process">The process, which this program has started.</param>
    /// <param name="grace">How long it may take to end after SIGTERM.</param>
    public LauncherGuard(Process process, TimeSpan grace)
    {
        string seconds = ((long)Math.Ceiling(grace.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        shell = Process.Start(new ProcessStartInfo(
            "sh", ["-c", Script, "sh", process.Id.ToString(CultureInfo.InvariantCulture), seconds])
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
}
