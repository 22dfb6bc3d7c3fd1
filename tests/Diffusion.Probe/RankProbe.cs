using System.Diagnostics;
using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusion.Probe;

/// <summary>One process of a group. In most cases it adds numbers in steps, and one rank fails in step 3.</summary>
internal static class RankProbe
{
    private const int FailingStep = 3;
    private const int FewElements = 100_003;

    // More than one piece of 25 MiB, and a number that no piece divides.
    private const int ManyElements = 7_000_003;

    public static int Run(string rankCase, int failing)
    {
        ProcessGroupOptions options = new()
        {
            Deadline = TimeSpan.FromSeconds(rankCase == "late" ? 3 : 60), ReachDeadline = TimeSpan.FromSeconds(1),
        };
        IProcessGroup started;
        try
        {
            started = ProcessGroups.Create(ComputeDevice.Cpu(threads: 1), options);
        }
        catch (DistributedException error)
        {
            Console.WriteLine($"exception: {error.Message}");
            return 1;
        }

        // Nobody catches the exceptions of operations: the process ends with the exit code of the group.
        using IProcessGroup group = started;
        ComputeDevice.Cpu(threads: 1).Activate();
        return rankCase switch
        {
            "operations" => Operations(group, FewElements),
            "pieces" => Operations(group, ManyElements),
            "bandwidth" => Bandwidth(group),
            _ => Steps(group, rankCase, group.Rank == failing),
        };
    }

    private static int Operations(IProcessGroup group, long floats)
    {
        foreach (ScalarType type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16, ScalarType.Int64])
        {
            using var scope = NewDisposeScope();
            long count = type == ScalarType.Float32 ? floats : FewElements;
            Tensor own = (arange(count, dtype: ScalarType.Int64).remainder(16) + group.Rank).to(type); // [elements]
            Tensor sum = own.clone();
            Tensor max = own.clone();
            Tensor sent = own.clone();
            Tensor gathered = zeros(group.WorldSize * count, type);
            gathered.narrow(0, group.Rank * count, count).copy_(own);
            Tensor part = zeros(count, type);
            IPendingOperation[] pending =
            [
                group.AllReduce(sum),
                group.AllReduce(max, ReduceOperation.Max),
                group.Broadcast(sent, root: group.WorldSize - 1),
                group.AllGather(gathered, gathered.narrow(0, group.Rank * count, count)),
            ];
            Array.ForEach(pending, operation => operation.Wait());
            group.ReduceScatter(part, gathered, ReduceOperation.Min).Wait();

            Tensor[] each = [.. Enumerable.Range(0, group.WorldSize).Select(rank => own.to(ScalarType.Int64) - group.Rank + rank)];
            Check(sum, stack(each).sum(dim: 0), $"{type} sum");
            Check(max, each[^1], $"{type} max");
            Check(sent, each[^1], $"{type} broadcast");
            Check(gathered, cat(each), $"{type} all-gather");
            Check(part, each[group.Rank], $"{type} reduce-scatter");
        }

        using Tensor random = randn(floats) * (group.Rank + 1);
        group.AllReduce(random).Wait();
        using Tensor highest = random.clone();
        using Tensor lowest = random.clone();
        group.AllReduce(highest, ReduceOperation.Max).Wait();
        group.AllReduce(lowest, ReduceOperation.Min).Wait();
        Check(highest.sub(lowest).abs().max().to(ScalarType.Int64), zeros(1, ScalarType.Int64), "same bits");
        CheckThatNullStillThrows();
        Console.WriteLine($"rank {group.Rank} of {group.WorldSize} by {group.Engine}: all correct");
        return 0;
    }

    private static int Bandwidth(IProcessGroup group)
    {
        using Tensor values = ones(35_000_000);
        List<double> seconds = [];
        for (int i = 0; i < 20; i++)
        {
            group.Barrier();
            long start = Stopwatch.GetTimestamp();
            group.AllReduce(values).Wait();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        Console.WriteLine($"rank {group.Rank}: 140 MB, fastest of {seconds.Count}: {seconds.Min() * 1000:F1} ms");
        return 0;
    }

    private static int Steps(IProcessGroup group, string rankCase, bool isFailing)
    {
        using Tensor values = ones(1000);
        for (int step = 1; step <= FailingStep + 2; step++)
        {
            group.Step = step;
            if (isFailing && step == FailingStep)
            {
                switch (rankCase)
                {
                    case "throw":
                        throw new InvalidOperationException("broken on purpose");
                    case "late":
                        using (ManualResetEventSlim never = new())
                        {
                            never.Wait();
                        }

                        break;
                    case "leave":
                        return 0;
                    case "abort":
                        group.Abort("The disk is full.");
                        break;
                    default:
                        throw new ArgumentException($"Case {rankCase} is unknown.", nameof(rankCase));
                }
            }

            group.AllReduce(values).Wait();
        }

        return 0;
    }

    // MPI must not take over the signals by which .NET finds a null reference.
    private static void CheckThatNullStillThrows()
    {
        string? nothing = Environment.GetEnvironmentVariable("DIFFUSION_PROBE_NOTHING");
        try
        {
            _ = nothing!.Length;
        }
        catch (NullReferenceException)
        {
            return;
        }

        throw new InvalidOperationException("A null reference did not throw.");
    }

    private static void Check(Tensor actual, Tensor expected, string what)
    {
        if (!actual.to(ScalarType.Int64).eq(expected).all().item<bool>())
        {
            throw new InvalidOperationException($"{what} is wrong.");
        }
    }
}
