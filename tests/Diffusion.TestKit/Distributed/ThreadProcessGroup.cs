using Diffusion.Training;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>One rank of a group whose ranks are threads of this process. <see cref="ThreadRanks"/> makes them.</summary>
public sealed class ThreadProcessGroup : IProcessGroup
{
    private readonly ThreadExchange exchange;
    private long operations;

    internal ThreadProcessGroup(ThreadExchange exchange, int rank)
    {
        this.exchange = exchange;
        Rank = rank;
    }

    public string Engine => "threads";

    public int Rank { get; }

    public int WorldSize => exchange.WorldSize;

    public int LocalRank => Rank;

    public TimeSpan Deadline => exchange.Deadline;

    public long Step { get; set; }

    public IPendingOperation AllReduce(Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
        Start(CollectiveCall.AllReduce(values, operation), values, values);

    public IPendingOperation Broadcast(Tensor values, int root = 0) =>
        Start(CollectiveCall.Broadcast(values, root, WorldSize), values, values);

    public IPendingOperation AllGather(Tensor result, Tensor own) =>
        Start(CollectiveCall.AllGather(result, own, WorldSize), own, result);

    public IPendingOperation ReduceScatter(Tensor result, Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
        Start(CollectiveCall.ReduceScatter(result, values, operation, WorldSize), values, result);

    public void Barrier(TimeSpan? deadline = null)
    {
        using IPendingOperation barrier = Start(CollectiveCall.Barrier, null, null, deadline);
        barrier.Wait();
    }

    public void Abort(string reason) => exchange.Abort($"Rank {Rank} at step {Step}: {reason}");

    public void Dispose() => exchange.Leave(Rank, operations);

    private IPendingOperation Start(CollectiveCall call, Tensor? input, Tensor? output, TimeSpan? deadline = null) =>
        exchange.Start(operations++, Rank, Step, call, input, output, deadline ?? Deadline);
}
