using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>The sample <c>Launch</c>, which starts processes with <c>mpirun</c>.</summary>
public sealed class LauncherTests
{
    private const int Ranks = 2;

    // A shell starts what it runs in the background so that SIGINT is ignored, and its children inherit that.
    private const string ObeysCtrlC = "env --default-signal=INT dotnet exec";

    private static readonly string Launch = Path.Combine(
        BuildFacts.Repository, "samples", "Launch", "bin", BuildFacts.Configuration, "net10.0", "Launch.dll");

    public LauncherTests() =>
        Assert.SkipUnless(MpiRun.IsInstalled, "mpirun is not installed: apt-get install openmpi-bin libopenmpi3.");

    [Fact]
    public async Task A_launcher_that_is_killed_leaves_no_process() => await EndsAllRanks(
        script => OfProgram($"{script}; exec sleep 1000"),
        launcher =>
        {
            launcher.Kill();
            return Task.CompletedTask;
        });

    [Fact]
    public async Task A_second_Ctrl_C_in_a_terminal_ends_every_process_even_those_that_ignore_the_first() => await EndsAllRanks(
        script => OfTerminal($"trap \"echo asked\" INT TERM; {script}; while :; do sleep 1; done"),
        async terminal =>
        {
            await PressCtrlC(terminal);
            await Lines(terminal, "asked", Ranks);
            await PressCtrlC(terminal);
        });

    [Fact]
    public async Task After_SIGTERM_ranks_have_more_time_to_save_than_mpirun_gives_them()
    {
        // Open MPI sends SIGTERM one second after it gets it, and SIGKILL one second later.
        ProcessStartInfo start = OfProgram(
            "trap \"sleep 2.5; echo saved; exit 0\" TERM; echo ready; while :; do sleep 1; done");
        start.RedirectStandardOutput = true;
        using Process launcher = Process.Start(start)!;
        await Lines(launcher, "ready", Ranks);

        string id = launcher.Id.ToString(CultureInfo.InvariantCulture);
        (await ChildProcess.Run("kill", ["-TERM", id])).ExitCode.Should().Be(0);

        await Lines(launcher, "saved", Ranks);
        await launcher.WaitForExitAsync(TestContext.Current.CancellationToken);
        launcher.ExitCode.Should().Be(0);
    }

    private static async Task EndsAllRanks(Func<string, ProcessStartInfo> launch, Func<Process, Task> end)
    {
        using TemporaryFolder folder = new();
        string pipe = folder.File("pipe");
        (await ChildProcess.Run("mkfifo", [pipe])).ExitCode.Should().Be(0);
        ProcessStartInfo start = launch($"exec 3> {pipe}; echo ready");
        start.RedirectStandardOutput = true;
        using Process launcher = Process.Start(start)!;
        Task<ChildProcess.Result> reader = ChildProcess.Run("cat", [pipe]); // ends when no rank has the pipe open
        await Lines(launcher, "ready", Ranks);

        await end(launcher);

        (await reader).ExitCode.Should().Be(0);

        // Ends when mpirun ends, which shares it.
        await launcher.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    private static ProcessStartInfo OfProgram(string script) =>
        new("dotnet", ["exec", Launch, Ranks.ToString(CultureInfo.InvariantCulture), "sh", "-c", script]);

    private static ProcessStartInfo OfTerminal(string script) =>
        new("script", ["-qec", $"{ObeysCtrlC} '{Launch}' {Ranks} sh -c '{script}'", "/dev/null"]) { RedirectStandardInput = true };

    private static async Task PressCtrlC(Process terminal)
    {
        await terminal.StandardInput.WriteAsync('\u0003');
        await terminal.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
    }

    // Reads until the program has printed so many lines that contain a word.
    private static async Task Lines(Process program, string word, int count)
    {
        for (int found = 0; found < count;)
        {
            string line = await program.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)
                ?? throw new EndOfStreamException($"The program has printed '{word}' {found} times.");
            found += line.Contains(word, StringComparison.Ordinal) ? 1 : 0;
        }
    }
}
