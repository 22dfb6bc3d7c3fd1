using Diffusion.TestKit;

namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>
/// The benchmark <c>rank-failures</c> in a short form: one trial of each kind. In those that are chosen, rank 0 of three processes is
/// killed and rank 0 of two freezes, one before the first checkpoint; then others fail. DIFFUSION_FULL_SWEEP=1 makes 20 trials of two to
/// four processes.
/// </summary>
public sealed class RankFailuresTests
{
    private static readonly string Benchmarks = Path.Combine(
        BuildFacts.Repository, "benchmarks", "Diffusion.Benchmarks", "bin", BuildFacts.Configuration, "net10.0",
        "Diffusion.Benchmarks.dll");

    [Fact]
    public async Task When_one_process_fails_the_others_end_and_name_the_cause_and_the_restarted_run_ends_with_the_same_weights()
    {
        Assert.SkipUnless(MpiRun.IsInstalled, "mpirun is not installed: apt-get install openmpi-bin libopenmpi3.");

        string[] chosen = FullSweep.IsWanted ? ["--trials", "20"] : ["--first", "12", "--trials", "4", "--max-processes", "3"];
        ChildProcess.Result result = await ChildProcess.Dotnet(["exec", Benchmarks, "rank-failures", .. chosen]);

        result.ExitCode.Should().Be(0, result.Output + result.Errors);
        string each = FullSweep.IsWanted ? "5 trials" : "1 trials";
        result.Output.Should().ContainAll($"kill: {each}", $"stop: {each}", $"exception: {each}", $"order: {each}");
    }
}
