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

    [Fact]
    public void Restarts_are_limited() =>
        Run(Shell(1, "exit 9") with { MaxRestarts = 2 }).Should().Be(9);

    [Fact]
    public void Cancelling_ends_every_process()
    {
        using CancellationTokenSource source = new();
        source.Cancel();

        ProcessLauncher.Run(Shell(2, "exec sleep 1000"), source.Token).Should().Be(143);
    }

    [Fact]
    public void A_program_that_does_not_exist_is_named() =>
        FluentActions.Invoking(() => Run(Shell(1, string.Empty) with { Command = ["/no/such/program"] }))
            .Should().Throw<DistributedException>().WithMessage("/no/such/program could not be started:*");

    private static int Run(ProcessLaunchOptions options) => ProcessLauncher.Run(options, TestContext.Current.CancellationToken);

    private static ProcessLaunchOptions Shell(int processes, string script) =>
        new() { Processes = processes, Command = ["sh", "-c", script], Engine = ProcessGroupEngine.Nccl };

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
