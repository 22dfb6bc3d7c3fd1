using System.CommandLine;
using Diffusion.Training;

namespace Diffusion.Benchmarks;

/// <summary>
/// <c>nccl</c>: checks the NCCL engine on GPUs. One process checks a group of one; a launcher starts several, and two may share a GPU if
/// <c>LOCAL_RANK</c> is 0, <c>LOCAL_WORLD_SIZE</c> 1 or unset, and <c>NCCL_HOSTID</c> differs.
/// </summary>
internal static class NcclCommand
{
    public static Command Create()
    {
        Option<int[]> megabytes = new("--megabytes")
        {
            Description = "The sizes to measure, in MB.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [1, 8, 25, 256],
        };
        Option<string?> failure = new("--failure")
        {
            Description = "Only fails in this way, and ends with the exit code of a failed group: late, abort or lost.",
        };
        Command command = new("nccl", "Checks the operations of NCCL and its failures, and measures its bandwidth.") { megabytes, failure };
        command.SetAction(arguments => arguments.GetValue(failure) is { } named
            ? NcclFailure.Cause(named)
            : Run(arguments.GetValue(megabytes)!));
        return command;
    }

    private static int Run(IReadOnlyList<int> megabytes)
    {
        List<string> failures = [];
        int tried;
        int worldSize;
        using (IProcessGroup group = Group())
        {
            worldSize = group.WorldSize;
            Console.WriteLine($"rank {group.Rank} of {worldSize} on {Device()} by {group.Engine}");
            tried = NcclOperations.Check(group, Device().Activate(), failures);
            NcclBandwidth.Measure(group, Device().Activate(), megabytes);
        }

        foreach (string way in worldSize > 1 ? (string[])["late", "abort", "lost"] : ["late", "abort"])
        {
            tried++;
            if (NcclFailure.Problem(way) is { } problem)
            {
                failures.Add(problem);
            }
        }

        return Verdict.Print($"{tried} checks of NCCL with {worldSize} processes", failures, "failed");
    }

    /// <summary>The GPU of this process.</summary>
    public static ComputeDevice Device() => RankDevice.Best(ProcessPlace.Read());

    /// <summary>A group by NCCL, also of one process.</summary>
    public static IProcessGroup Group(TimeSpan? deadline = null) => ProcessGroups.Create(Device(), new ProcessGroupOptions
    {
        Engine = ProcessGroupEngine.Nccl, Deadline = deadline ?? TimeSpan.FromSeconds(60), StartDeadline = TimeSpan.FromMinutes(2),
    });
}
