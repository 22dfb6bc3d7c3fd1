using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// The processes that train together, and what they compute together. Every process calls the same operations in the same order, with
/// tensors of the same size and element type.
/// </summary>
/// <remarks>
/// Operations start in the order of the calls and finish in that order; one may be started before an earlier one has finished. One thread
/// at a time uses a group. An operation that does not finish within <see cref="Deadline"/> ends the process group: every process names the
/// operation, its rank and its step. Element types: float32, bfloat16, float16 and int64; an engine may reduce the 16-bit types in float32.
/// </remarks>
public interface IProcessGroup : IDisposable
{
    /// <summary>The engine, for logs and error messages, such as <c>NCCL 2.22.3</c>, <c>Open MPI 4.1.4</c>, <c>one process</c>.</summary>
    string Engine { get; }

    /// <summary>The number of this process, from 0.</summary>
    int Rank { get; }

    /// <summary>How many processes there are, at least 1.</summary>
    int WorldSize { get; }

    /// <summary>The number of this process among those of its machine, from 0: the index of its GPU.</summary>
    int LocalRank { get; }

    /// <summary>
    /// How many of the processes run on the machine of this one: they share its memory. <see cref="WorldSize"/>, the default, where that is
    /// not known.
    /// </summary>
    int LocalWorldSize => WorldSize;

    /// <summary>How long an operation may take. Default 60 seconds.</summary>
    TimeSpan Deadline { get; }

    /// <summary>The training step that error messages name; the code that trains sets it. Default 0.</summary>
    long Step { get; set; }

    /// <summary>Replaces the values by their sum, maximum or minimum over all processes, the same bits on each.</summary>
    /// <param name="values">A contiguous tensor of any shape; it must live until the operation has finished.</param>
    /// <param name="operation">How values are combined. Default <see cref="ReduceOperation.Sum"/>.</param>
    IPendingOperation AllReduce(Tensor values, ReduceOperation operation = ReduceOperation.Sum);

    /// <summary>Replaces the values by those of one process.</summary>
    /// <param name="values">A contiguous tensor of any shape; it must live until the operation has finished.</param>
    /// <param name="root">The process whose values are sent. Default 0.</param>
    IPendingOperation Broadcast(Tensor values, int root = 0);

    /// <summary>Collects the values of all processes in the order of their ranks.</summary>
    /// <param name="result">Receives them: contiguous, <c>WorldSize</c> times as many elements as <paramref name="own"/>.</param>
    /// <param name="own">The values of this process; contiguous, the same number on every process. It may be the part of
    /// <paramref name="result"/> that it will fill.</param>
    IPendingOperation AllGather(Tensor result, Tensor own);

    /// <summary>
    /// Combines the values over all processes; each receives one of <c>WorldSize</c> equal parts, in the order of the ranks.
    /// </summary>
    /// <param name="result">Receives the part of this process; contiguous. It may be that part of <paramref name="values"/>.</param>
    /// <param name="values">Contiguous, <c>WorldSize</c> times as many elements as <paramref name="result"/>; other parts are undefined
    /// afterwards.</param>
    /// <param name="operation">How values are combined. Default <see cref="ReduceOperation.Sum"/>.</param>
    IPendingOperation ReduceScatter(Tensor result, Tensor values, ReduceOperation operation = ReduceOperation.Sum);

    /// <summary>Waits until every process has called it.</summary>
    /// <param name="deadline">How long to wait. Null, the default, for <see cref="Deadline"/>.</param>
    /// <exception cref="DistributedException">A process did not arrive in time, or was lost.</exception>
    void Barrier(TimeSpan? deadline = null);

    /// <summary>
    /// Ends the group because of an error: operations that wait on any process end with this reason. Calling it again does nothing.
    /// </summary>
    /// <param name="reason">What happened, a full sentence.</param>
    void Abort(string reason);
}
