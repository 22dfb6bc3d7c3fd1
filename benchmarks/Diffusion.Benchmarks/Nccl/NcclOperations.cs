using Diffusion.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Benchmarks;

/// <summary>Compares the results of NCCL with those that the CPU computes from the values of all processes.</summary>
internal static class NcclOperations
{
    private static readonly ScalarType[] Types = [ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16, ScalarType.Int64];

    /// <summary>Checks every operation with every element type.</summary>
    /// <returns>The number of checks.</returns>
    public static int Check(IProcessGroup group, Device device, List<string> failures)
    {
        int checks = 0;
        foreach (ScalarType type in Types)
        {
            foreach (long count in (long[])[1, 1000, 7_000_003])
            {
                using DisposeScope scope = NewDisposeScope();
                foreach ((string name, Func<(Tensor Actual, Tensor Expected)> run) in Cases(group, device, type, count))
                {
                    checks++;
                    (Tensor actual, Tensor expected) = run();
                    if (!actual.cpu().to(ScalarType.Int64).view(-1).eq(expected.view(-1)).all().item<bool>())
                    {
                        failures.Add($"{name} of {count} {type} gives wrong values on rank {group.Rank}");
                    }
                }
            }
        }

        return checks + 2 + Order(group, device, failures) + SameBits(group, device, failures);
    }

    // Whole numbers that every element type holds exactly; expected values are int64 on the CPU.
    private static Tensor Values(long rank, long count) => arange(count, dtype: ScalarType.Int64).remainder(16) + rank;

    private static IEnumerable<(string Name, Func<(Tensor, Tensor)> Run)> Cases(
        IProcessGroup group, Device device, ScalarType type, long count)
    {
        int world = group.WorldSize;
        int rank = group.Rank;
        Tensor Own(long length) => Values(rank, length).to(type).to(device);
        Tensor All(long length) => stack(Enumerable.Range(0, world).Select(other => Values(other, length))); // [ranks, elements]
        foreach (ReduceOperation operation in Enum.GetValues<ReduceOperation>())
        {
            yield return ($"AllReduce {operation}", () =>
            {
                Tensor values = Own(count);
                group.AllReduce(values, operation).Wait();
                return (values, Reduced(All(count), operation));
            });
            yield return ($"ReduceScatter {operation}", () =>
            {
                Tensor part = zeros(count, type, device);
                group.ReduceScatter(part, Own(world * count), operation).Wait();
                return (part, Reduced(All(world * count), operation).narrow(0, rank * count, count));
            });
        }

        yield return ("ReduceScatter in place", () =>
        {
            Tensor values = Own(world * count);
            Tensor part = values.narrow(0, rank * count, count);
            group.ReduceScatter(part, values).Wait();
            return (part, All(world * count).sum(dim: 0).narrow(0, rank * count, count));
        });
        yield return ("Broadcast", () =>
        {
            Tensor values = Own(count);
            group.Broadcast(values, root: world - 1).Wait();
            return (values, Values(world - 1, count));
        });
        yield return ("AllGather", () =>
        {
            Tensor result = zeros(world * count, type, device);
            group.AllGather(result, Own(count)).Wait();
            return (result, All(count));
        });
        yield return ("AllGather in place", () =>
        {
            Tensor result = zeros(world * count, type, device);
            Tensor own = result.narrow(0, rank * count, count);
            own.copy_(Own(count));
            group.AllGather(result, own).Wait();
            return (result, All(count));
        });
    }

    private static Tensor Reduced(Tensor all, ReduceOperation operation) => operation switch
    {
        ReduceOperation.Sum => all.sum(dim: 0),
        ReduceOperation.Max => all.max(dim: 0).values,
        _ => all.min(dim: 0).values,
    };

    // Operations see the work before them, and work after Wait sees their results, without a wait of the CPU in between.
    private static int Order(IProcessGroup group, Device device, List<string> failures)
    {
        const int Rounds = 200;
        const long Count = 2_000_000;
        using DisposeScope scope = NewDisposeScope();
        Tensor values = zeros(Count, ScalarType.Int64, device);
        Tensor wrong = zeros(1, ScalarType.Int64, device);
        for (int round = 0; round < Rounds; round++)
        {
            using DisposeScope inner = NewDisposeScope();
            values.fill_(round + group.Rank);
            group.AllReduce(values, ReduceOperation.Max).Wait();
            wrong.add_(values.ne(round + group.WorldSize - 1).sum());
        }

        if (wrong.item<long>() != 0)
        {
            failures.Add($"{wrong.item<long>()} values were read before NCCL had written them, or were written too late");
        }

        return 1;
    }

    private static int SameBits(IProcessGroup group, Device device, List<string> failures)
    {
        const long Count = 1_000_003;
        using DisposeScope scope = NewDisposeScope();
        Tensor values = (randn(Count) * (group.Rank + 1)).to(device);
        group.AllReduce(values).Wait();
        Tensor highest = values.clone();
        Tensor lowest = values.clone();
        group.AllReduce(highest, ReduceOperation.Max).Wait();
        group.AllReduce(lowest, ReduceOperation.Min).Wait();
        if (!highest.eq(lowest).all().item<bool>())
        {
            failures.Add("the sum of random numbers is not the same bits on every process");
        }

        return 1;
    }
}
