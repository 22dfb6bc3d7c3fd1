using Diffusion.TestKit;
using Diffusion.Training;

namespace Diffusion.EndToEnd.Tests.Distributed;

/// <summary>Real processes that MPI connects.</summary>
public sealed class MpiGroupTests
{
    [Theory]
    [InlineData(MpiRun.OpenMpi, 2, "pieces")]
    [InlineData(MpiRun.OpenMpi, 4, "operations")]
    [InlineData(MpiRun.Mpich, 2, "pieces")]
    [InlineData(MpiRun.Mpich, 4, "operations")]
    public async Task All_operations_give_what_they_promise_and_sums_are_the_same_bits(string mpi, int ranks, string rankCase)
    {
        ChildProcess.Result result = await MpiRun.Ranks(mpi, ranks, FullSweep.IsWanted ? "pieces" : rankCase);

        result.ExitCode.Should().Be(0, result.Output + result.Errors);
        for (int rank = 0; rank < ranks; rank++)
        {
            result.Output.Should().Contain($"rank {rank} of {ranks} by {mpi} ").And.Contain("all correct");
        }
    }

    [Theory]
    [InlineData(MpiRun.OpenMpi, "throw", 2, "Rank 2 at step 3: broken on purpose")]
    [InlineData(MpiRun.OpenMpi, "late", 1, "Not started by rank 1")]
    [InlineData(MpiRun.OpenMpi, "late", 0, "Not started by rank 0")]
    [InlineData(MpiRun.OpenMpi, "leave", 2, "Rank 2 left the group")]
    [InlineData(MpiRun.OpenMpi, "abort", 1, "Rank 1 at step 3: The disk is full.")]
    [InlineData(MpiRun.Mpich, "throw", 2, "Rank 2 at step 3: broken on purpose")]
    [InlineData(MpiRun.Mpich, "late", 0, "Not started by rank 0")]
    [InlineData(MpiRun.Mpich, "leave", 2, "Rank 2 left the group")]
    public async Task Every_other_process_names_the_rank_that_fails_and_the_run_ends_with_the_exit_code(
        string mpi, string rankCase, int failing, string reason)
    {
        ChildProcess.Result result = await MpiRun.Ranks(mpi, 3, rankCase, failing);

        result.ExitCode.Should().Be(ProcessGroups.FailureExitCode, result.Output + result.Errors);
        foreach (int rank in Enumerable.Range(0, 3).Where(rank => rank != failing))
        {
            result.Errors.Split('\n').Should().ContainMatch($"*diffusion: rank {rank} of 3, step *{reason}*");
        }
    }

    [Fact]
    public async Task Two_processes_of_one_rank_are_named_on_both()
    {
        ChildProcess.Result result = await MpiRun.Contexts(
            MpiRun.OpenMpi, ["env", "OMPI_COMM_WORLD_RANK=1", .. MpiRun.Rank("operations")], MpiRun.Rank("operations"));

        result.ExitCode.Should().Be(1);
        result.Output.Split("Open MPI says rank 1 of 2 by its variables, but the library Open MPI").Should().HaveCount(3);
    }

    [Fact]
    public async Task Ranks_on_the_CPU_without_mpirun_are_told_the_command()
    {
        ChildProcess.Result result = await MpiRun.Alone(new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["RANK"] = "0", ["WORLD_SIZE"] = "2", ["LOCAL_RANK"] = "0", ["MASTER_ADDR"] = "127.0.0.1", ["MASTER_PORT"] = "29500",
        });

        result.ExitCode.Should().Be(1);
        result.Output.Should().Contain("torchrun started this process").And.Contain("mpirun -np 2 <program>")
            .And.Contain("apt-get install openmpi-bin libopenmpi3");
    }
}
