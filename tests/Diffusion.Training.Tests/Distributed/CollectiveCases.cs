using static TorchSharp.torch;

namespace Diffusion.Training.Tests.Distributed;

/// <summary>What every process group of several ranks must do; each rank runs it.</summary>
internal static class CollectiveCases
{
    /// <summary>Every operation with every element type, on values that are exact in all of them.</summary>
    public static void RunAll(IProcessGroup group, long count)
    {
        foreach (ScalarType type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16, ScalarType.Int64])
        {
            using var scope = NewDisposeScope();
            long world = group.WorldSize;
            Tensor Values(long rank, long length) => (arange(length, dtype: ScalarType.Int64).remainder(16) + rank).to(type);
            Tensor Ranks(Func<long, Tensor> of) =>
                stack(Enumerable.Range(0, group.WorldSize).Select(rank => of(rank).to(ScalarType.Int64))); // [ranks, elements]

            Tensor sum = Values(group.Rank, count);
            Tensor max = Values(group.Rank, count);
            Tensor min = Values(group.Rank, count);
            Tensor sent = Values(group.Rank, count);
            Tensor gathered = zeros(world * count, type);
            Tensor scattered = zeros(count, type);
            Tensor aliased = Values(group.Rank, world * count);
            IPendingOperation[] pending =
            [
                group.AllReduce(sum),
                group.AllReduce(max, ReduceOperation.Max),
                group.AllReduce(min, ReduceOperation.Min),
                group.Broadcast(sent, root: group.WorldSize - 1),
                group.AllGather(gathered, Values(group.Rank, count)),
                group.ReduceScatter(scattered, Values(group.Rank, world * count)),
                group.ReduceScatter(aliased.narrow(0, group.Rank * count, count), aliased, ReduceOperation.Max),
            ];
            Array.ForEach(pending, operation => operation.Wait());

            Equal(sum, Ranks(rank => Values(rank, count)).sum(dim: 0), $"{type} sum");
            Equal(max, Values(world - 1, count), $"{type} max");
            Equal(min, Values(0, count), $"{type} min");
            Equal(sent, Values(world - 1, count), $"{type} broadcast");
            Equal(gathered, Ranks(rank => Values(rank, count)).view(-1), $"{type} all-gather");
            Tensor total = Ranks(rank => Values(rank, world * count)).sum(dim: 0);
            Equal(scattered, total.narrow(0, group.Rank * count, count), $"{type} reduce-scatter");
            Equal(
                aliased.narrow(0, group.Rank * count, count),
                Values(world - 1, world * count).narrow(0, group.Rank * count, count),
                $"{type} reduce-scatter in place");
            Tensor inPlace = zeros(world * count, type);
            inPlace.narrow(0, group.Rank * count, count).copy_(Values(group.Rank, count));
            group.AllGather(inPlace, inPlace.narrow(0, group.Rank * count, count)).Wait();
            Equal(inPlace, gathered, $"{type} all-gather in place");
            Array.ForEach(pending, operation => operation.IsCompleted.Should().BeTrue());
        }

        group.Barrier();
    }

    /// <summary>Sums of random numbers are the same bits on every rank.</summary>
    public static void SumsAreTheSameBits(IProcessGroup group, long count)
    {
        using var scope = NewDisposeScope();
        using Generator generator = new((ulong)group.Rank + 1);
        Tensor values = randn(count, generator: generator);
        group.AllReduce(values).Wait();
        Tensor bits = zeros(group.WorldSize * count);
        group.AllGather(bits, values).Wait();
        foreach (Tensor other in bits.view(group.WorldSize, count).unbind(0))
        {
            other.bytes.SequenceEqual(values.bytes).Should().BeTrue();
        }
    }

    private static void Equal(Tensor actual, Tensor expected, string what) =>
        actual.to(ScalarType.Int64).data<long>().ToArray().Should().Equal(expected.to(ScalarType.Int64).data<long>().ToArray(), what);
}
