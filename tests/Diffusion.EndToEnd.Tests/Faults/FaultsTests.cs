using System.ComponentModel;

namespace Diffusion.EndToEnd.Tests.Faults;

/// <summary>The benchmark <c>faults</c> in a short form: at every Nth point only.</summary>
public sealed class FaultsTests
{
    private static readonly string Benchmarks = Path.Combine(
        BuildFacts.Repository, "benchmarks", "Diffusion.Benchmarks", "bin", BuildFacts.Configuration, "net10.0",
            "Diffusion.Benchmarks.dll");

    [Fact]
    public async Task A_program_that_is_killed_or_whose_writes_fail_while_it_saves_loses_no_saved_checkpoint()
    {
        Assert.SkipUnless(await CanTrace(), "This test needs strace and permission to trace: apt-get install strace.");

        ChildProcess.Result result = await ChildProcess.Dotnet(["exec", Benchmarks, "faults", "--kinds", "KILL", "EIO", "SHORT", "--every",
            "63"]);

        result.ExitCode.Should().Be(0, result.Output + result.Errors);
        result.Output.Should().MatchRegex("KILL: [1-9][0-9]* points, 0 of them without effect\n").And.MatchRegex(
            "EIO: [1-9][0-9]* points, [0-3] of them without effect\n")
            .And.MatchRegex("SHORT: [1-9][0-9]* points, [1-9][0-9]* writes cut short\n");
    }

    private static async Task<bool> CanTrace()
    {
        try
        {
            return (await ChildProcess.Run("strace", ["-o", "/dev/null", "true"])).ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false; // strace is not installed
        }
    }
}
