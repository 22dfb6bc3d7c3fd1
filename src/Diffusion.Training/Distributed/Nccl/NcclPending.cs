using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>An operation in the queue of NCCL's stream.</summary>
internal sealed class NcclPending(NcclEngine engine, long number, CollectiveCall call, nint end, Tensor? input, Tensor? output)
    : IPendingOperation
{
    private readonly (Tensor?, Tensor?) tensors = (input, output); // NCCL reads and writes them until the end

    public long Number => number;

    public CollectiveCall Call => call;

    /// <summary>The event at its end; it belongs to another operation after this one is done.</summary>
    public nint End => end;

    /// <summary>Whether the engine has seen its end.</summary>
    public bool IsDone { get; set; }

    /// <inheritdoc/>
    public bool IsCompleted => engine.HasFinished(this);

    /// <inheritdoc/>
    public void Wait()
    {
        engine.Wait(this);
        GC.KeepAlive(tensors);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
