namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>The benchmark <c>rank-failures</c> in a short form: one trial of each kind.</summary>
public sealed class RankFailuresTests
{
    private static readonly string Benchmarks = Path.Combine(
        BuildFacts.Repository, "benchmarks", "Diffusion.Benchmarks", "bin", BuildFacts.Configuration, "net10.0",
        "Diffusion.Benchmarks.dll");

    [Fact]
    public async Task When_one_process_fails_the_others_end_and_name_the_cause_and_the_restarted_run_ends_with_the_same_weights()
    {
        Assert.SkipUnless(MpiRun.IsInstalled, "mpirun is not installed: apt-get install openmpi-bin libopenmpi3.");

        ChildProcess.Result result = await ChildProcess.Dotnet(["exec", Benchmarks, "rank-failures", "--trials", "4"]);

        result.ExitCode.Should().Be(0, result.Output + result.Errors);
        result.Output.Should().ContainAll("kill: 1 trials", "stop: 1 trials", "exception: 1 trials", "order: 1 trials");
    }
}
