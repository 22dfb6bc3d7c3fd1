using System.Diagnostics;
using System.Globalization;
using Diffusion.TestKit;

namespace Diffusion.Training.Tests.Distributed;

public sealed class ProcessLauncherTests
{
    public ProcessLauncherTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "The launcher works on Linux only.");

    [Fact]
    public void Every_process_is_told_its_place()
    {
        using TemporaryFolder folder = new();

        int exitCode = Run(Shell(3, $"echo $LOCAL_RANK $WORLD_SIZE $MASTER_ADDR > {folder.Path}/$RANK"));

        exitCode.Should().Be(0);
        Enumerable.Range(0, 3).Select(rank => File.ReadAllText(folder.File($"{rank}")).Trim())
            .Should().Equal("0 3 127.0.0.1", "1 3 127.0.0.1", "2 3 127.0.0.1");
    }

    [Fact]
    public void The_first_failure_ends_the_others_and_gives_the_exit_code()
    {
        using TemporaryFolder folder = new();

        string othersRun = $"[ -s {folder.Path}/0 ] && [ -s {folder.Path}/2 ]";

        int exitCode = Run(Shell(3, $"echo $$ > {folder.Path}/$RANK; [ $RANK = 1 ] && until {othersRun}; do :; done && exit 75; "
            + "exec sleep 1000"));

        exitCode.Should().Be(75);
        IsRunning(folder.File("0")).Should().BeFalse();
        IsRunning(folder.File("2")).Should().BeFalse();
    }

    [Fact]
    public void A_process_that_ignores_the_signal_is_killed_after_the_grace()
    {
        using TemporaryFolder folder = new();
        string script = $"mkfifo {folder.Path}/ready 2> /dev/null; [ $RANK = 1 ] && read line < {folder.Path}/ready && exit 3; "
            + $"trap '' TERM; echo $$ > {folder.Path}/0; echo go > {folder.Path}/ready; while true; do sleep 1; done";

        int exitCode = Run(Shell(2, script) with { Grace = TimeSpan.FromMilliseconds(100) });

        exitCode.Should().Be(3);
        IsRunning(folder.File("0")).Should().BeFalse();
    }

    [Fact]
    public void After_a_failure_all_processes_start_again()
    {
        using TemporaryFolder folder = new();

        int exitCode = Run(
            Shell(2, $"echo x >> {folder.Path}/$RANK; [ $TORCHELASTIC_RESTART_COUNT -lt 2 ] && exit 75; exit 0") with { MaxRestarts = 3 });

        exitCode.Should().Be(0);
        File.ReadAllLines(folder.File("0")).Length.Should().BeInRange(1, 3);
        (File.ReadAllLines(folder.File("0")).Length + File.ReadAllLines(folder.File("1")).Length).Should().BeGreaterThanOrEqualTo(4);
    }

    [Theory]
    [InlineData(129)]
    [InlineData(130)]
    [InlineData(143)]
    public void A_run_that_was_stopped_is_not_started_again(int exitCode)
    {
        using TemporaryFolder folder = new();

        Run(Shell(1, $"echo x >> {folder.Path}/starts; exit {exitCode}") with { MaxRestarts = 3 }).Should().Be(exitCode);

        File.ReadAllLines(folder.File("starts")).Should().ContainSingle();
    }

    [Fact]
    public void Restarts_are_limited() =>
        Run(Shell(1, "exit 9") with { MaxRestarts = 2 }).Should().Be(9);

    [Fact]
    public void Canceling_ends_every_process()
    {
        using CancellationTokenSource source = new();
        source.Cancel();

        ProcessLauncher.Run(Shell(2, "exec sleep 1000"), source.Token).Should().Be(143);
    }

    [Fact]
    public async Task A_process_that_ignores_a_cancellation_is_killed_after_the_grace()
    {
        using TemporaryFolder folder = new();
        ProcessLaunchOptions options = Shell(1, $"trap '' TERM; echo $$ > {folder.Path}/0; while true; do sleep 1; done")
            with { Grace = TimeSpan.FromMilliseconds(100) };

        int exitCode = await CancelAfter(folder.File("0"), token => ProcessLauncher.Run(options, token));

        exitCode.Should().Be(137);
        IsRunning(folder.File("0")).Should().BeFalse();
    }

    [Fact]
    public async Task Ranks_of_mpirun_are_asked_to_end_and_mpirun_is_not()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        string mpirun = Mpirun(folder);

        int exitCode = await CancelAfter(folder.File("ready"), token => ProcessLauncher.Run(
            Rank(folder, "echo saved >> $log; exit 0"), mpirun, token));

        exitCode.Should().Be(0);
        File.ReadAllLines(folder.File("log")).Should().Equal("saved");
    }

    [Fact]
    public async Task Mpirun_is_asked_to_end_when_its_ranks_have_not_ended_after_the_grace()
    {
        using TemporaryFolder folder = TemporaryFolder.OnDisk();
        string mpirun = Mpirun(folder);

        int exitCode = await CancelAfter(folder.File("ready"), token => ProcessLauncher.Run(
            Rank(folder, "echo asked >> $log") with { Grace = TimeSpan.FromSeconds(1) }, mpirun, token));

        exitCode.Should().Be(143);
        File.ReadAllLines(folder.File("log")).Should().Equal("asked", "mpirun");
    }

    [Fact]
    public void A_missing_mpirun_is_named_with_the_command_that_installs_it() =>
        FluentActions.Invoking(() => ProcessLauncher.Run(
                new ProcessLaunchOptions { Processes = 1, Command = ["true"] }, "/no/such/mpirun", TestContext.Current.CancellationToken))
            .Should().Throw<DistributedException>().WithMessage("/no/such/mpirun is not found. Install it: apt-get install *");

    [Fact]
    public void A_program_that_does_not_exist_is_named() =>
        FluentActions.Invoking(() => Run(Shell(1, string.Empty) with { Command = ["/no/such/program"] }))
            .Should().Throw<DistributedException>().WithMessage("/no/such/program could not be started:*");

    private static int Run(ProcessLaunchOptions options) => ProcessLauncher.Run(options, TestContext.Current.CancellationToken);

    private static ProcessLaunchOptions Shell(int processes, string script) =>
        new() { Processes = processes, Command = ["sh", "-c", script], Engine = ProcessGroupEngine.Nccl };

    // Runs until the file exists, and then cancels.
    private static async Task<int> CancelAfter(string file, Func<CancellationToken, int> run)
    {
        using CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        Task<int> running = Task.Run(() => run(source.Token), TestContext.Current.CancellationToken);
        SpinWait.SpinUntil(() => File.Exists(file) || running.IsCompleted, TimeSpan.FromSeconds(30)).Should().BeTrue();
        await source.CancelAsync();
        return await running;
    }

    // A launcher of one rank that notes when it is asked to end, and then kills the rank.
    private static string Mpirun(TemporaryFolder folder)
    {
        string path = folder.File("mpirun");
        File.WriteAllText(path, $"""
            #!/bin/sh
            trap 'echo mpirun >> {folder.Path}/log; kill -KILL $rank; exit 143' TERM
            shift 2
            OMPI_COMM_WORLD_RANK=0 "$@" &
            rank=$!
            wait $rank

            """);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return path;
    }

    // A rank that runs until it is asked to end.
    private static ProcessLaunchOptions Rank(TemporaryFolder folder, string whenAsked) => new()
    {
        Processes = 1,
        Command = ["sh", "-c", $"log={folder.Path}/log; trap '{whenAsked}' TERM; echo > {folder.Path}/ready; while :; do sleep 0.1; done"],
    };

    private static bool IsRunning(string file)
    {
        if (!File.Exists(file))
        {
            return false;
        }

        try
        {
            using Process process = Process.GetProcessById(int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture));
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
