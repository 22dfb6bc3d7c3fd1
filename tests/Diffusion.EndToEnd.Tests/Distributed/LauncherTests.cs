using System.Diagnostics;
using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>The sample <c>Launch</c>, which starts processes with <c>mpirun</c>.</summary>
public sealed class LauncherTests
{
    private static readonly string Launch = Path.Combine(
        BuildFacts.Repository, "samples", "Launch", "bin", BuildFacts.Configuration, "net10.0", "Launch.dll");

    // A shell starts what it runs in the background so that SIGINT is ignored, and its children inherit that.
    private const string ObeysCtrlC = "env --default-signal=INT dotnet exec";

    [Fact]
    public async Task A_launcher_that_is_killed_leaves_no_process() =>
        await EndsAllRanks((launch, script) => new("dotnet", ["exec", launch, "2", "sh", "-c", script]), launcher => launcher.Kill());

    [Fact]
    public async Task Ctrl_C_in_a_terminal_ends_every_process_even_those_that_ignore_it() =>
        await EndsAllRanks(
            (launch, script) => new("script", ["-qec", $"{ObeysCtrlC} '{launch}' 2 sh -c 'trap \"\" INT TERM; {script}'", "/dev/null"])
            {
                RedirectStandardInput = true,
            },
            terminal =>
            {
                terminal.StandardInput.Write('\u0003');
                terminal.StandardInput.Flush();
            });

    private static async Task EndsAllRanks(Func<string, string, ProcessStartInfo> launch, Action<Process> end)
    {
        Assert.SkipUnless(MpiRun.IsInstalled, "mpirun is not installed: apt-get install openmpi-bin libopenmpi3.");
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        using TemporaryFolder folder = new();
        string pipe = folder.File("pipe");
        (await ChildProcess.Run("mkfifo", [pipe])).ExitCode.Should().Be(0);
        ProcessStartInfo start = launch(Launch, $"exec 3> {pipe}; echo ready; exec sleep 1000");
        start.RedirectStandardOutput = true;
        using Process launcher = Process.Start(start)!;
        Task<ChildProcess.Result> reader = ChildProcess.Run("cat", [pipe]); // ends when no rank has the pipe open
        for (int ready = 0; ready < 2;)
        {
            string line = await launcher.StandardOutput.ReadLineAsync(cancellation) ?? throw new EndOfStreamException();
            ready += line.Contains("ready", StringComparison.Ordinal) ? 1 : 0;
        }

        end(launcher);

        (await reader).ExitCode.Should().Be(0);
        await launcher.StandardOutput.ReadToEndAsync(cancellation); // ends when mpirun ends, which shares it
    }
}
