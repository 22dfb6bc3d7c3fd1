using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>A process that trains alone: every operation checks its arguments and finishes at once.</summary>
internal sealed class SingleProcessGroup : IProcessGroup
{
    private string? abortReason;

    /// <inheritdoc/>
    public string Engine => "one process";

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int WorldSize => 1;

    /// <inheritdoc/>
    public int LocalRank => 0;

    /// <inheritdoc/>
    public TimeSpan Deadline => ProcessGroupOptions.DefaultDeadline;

    /// <inheritdoc/>
    public long Step { get; set; }

    /// <inheritdoc/>
    public IPendingOperation AllReduce(Tensor values, ReduceOperation operation = ReduceOperation.Sum) =>
        Finished(CollectiveCall.AllReduce(values, operation));

    /// <inheritdoc/>
    public IPendingOperation Broadcast(Tensor values, int root = 0) => Finished(CollectiveCall.Broadcast(values, root, WorldSize));

    /// <inheritdoc/>
    public IPendingOperation AllGather(Tensor result, Tensor own)
    {
        IPendingOperation finished = Finished(CollectiveCall.AllGather(result, own, WorldSize));
        Copy(own, result);
        return finished;
    }

    /// <inheritdoc/>
    public IPendingOperation ReduceScatter(Tensor result, Tensor values, ReduceOperation operation = ReduceOperation.Sum)
    {
        IPendingOperation finished = Finished(CollectiveCall.ReduceScatter(result, values, operation, WorldSize));
        Copy(values, result);
        return finished;
    }

    /// <inheritdoc/>
    public void Barrier(TimeSpan? deadline = null) => Finished(CollectiveCall.Barrier);

    /// <inheritdoc/>
    public void Abort(string reason) => abortReason ??= reason;

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static void Copy(Tensor from, Tensor to)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        to.view(-1).copy_(from.view(-1)); // [elements]
    }

    private CompletedOperation Finished(CollectiveCall call) => abortReason is null
        ? CompletedOperation.Instance
        : throw new DistributedException($"{call} was called after the process group was aborted: {abortReason}");
}
