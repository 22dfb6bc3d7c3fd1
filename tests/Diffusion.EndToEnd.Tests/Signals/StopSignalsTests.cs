namespace Diffusion.EndToEnd.Tests.Signals;

/// <summary>Signals that are sent to a separate program, which listens to them.</summary>
public sealed class StopSignalsTests
{
    private static readonly string Probe = Path.Combine(
        BuildFacts.Repository, "tests", "Diffusion.StopProbe", "bin", BuildFacts.Configuration, "net10.0", "Diffusion.StopProbe.dll");

    public StopSignalsTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "The tests send signals with Linux programs (env, kill).");

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    public async Task After_the_first_signal_the_program_ends_by_itself_with_the_exit_code_of_the_signal(string signal, int expected)
    {
        (int exitCode, string output) = await ChildProcess.Signal([("listening", signal)], "dotnet", ["exec", Probe]);

        output.Should().Contain("stopping");
        exitCode.Should().Be(expected);
    }

    [Theory]
    [InlineData("INT", "INT", 130)]
    [InlineData("TERM", "TERM", 143)]
    [InlineData("HUP", "HUP", 129)]
    [InlineData("HUP", "TERM", 143)]
    [InlineData("INT", "TERM", 143)]
    public async Task The_second_signal_ends_a_program_that_does_not_end_by_itself(string first, string second, int expected)
    {
        (int exitCode, string output) = await ChildProcess.Signal([("listening", first), ("stopping", second)], "dotnet",
            ["exec", Probe, "saving"]);

        output.Should().Contain("stopping");
        exitCode.Should().Be(expected);
    }

    [Fact]
    public async Task A_program_under_nohup_goes_on_when_the_terminal_closes()
    {
        // It hears of the second signal only: after the first its exit code would be 129.
        (int exitCode, string output) = await ChildProcess.Signal(
            [("listening", "HUP"), ("listening", "TERM")], "dotnet", ["exec", Probe], ignored: "HUP");

        output.Should().Contain("stopping");
        exitCode.Should().Be(143);
    }
}
