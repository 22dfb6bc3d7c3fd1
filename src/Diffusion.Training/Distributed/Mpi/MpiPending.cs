using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>An operation in the queue of an <see cref="MpiEngine"/>.</summary>
internal sealed class MpiPending(long number, CollectiveCall call, Tensor? input, Tensor? output) : IPendingOperation
{
    private readonly TaskCompletionSource finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long Number => number;

    public bool IsCompleted => finished.Task.IsCompleted;

    public void Wait()
    {
        try
        {
            finished.Task.GetAwaiter().GetResult();
        }
        catch (DistributedException error)
        {
            throw new DistributedException($"{call} (operation {number}) failed. {error.Message}", error);
        }
    }

    public void Run(MpiOperations operations)
    {
        operations.Run(call, input, output);
        finished.TrySetResult();
    }

    public void Fail(DistributedException error)
    {
        finished.TrySetException(error);
        _ = finished.Task.Exception; // nobody may wait for it
    }

    public void Dispose()
    {
    }
}
