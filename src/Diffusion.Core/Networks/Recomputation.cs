using static TorchSharp.torch;

namespace Diffusion;

/// <summary>What the backward passes of one network with gradient checkpointing leave for each other.</summary>
internal sealed class Recomputation : IDisposable
{
    private List<Tensor?> handedOver = [];

    /// <summary>What went wrong in the last backward pass, or null.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Begins a forward pass.</summary>
    /// <param name="wanted">Whether layers are to be computed again.</param>
    /// <returns>This, or null where no layer is: it is not wanted, or no backward pass can follow.</returns>
    public Recomputation? Begin(bool wanted)
    {
        if (!wanted || !is_grad_enabled())
        {
            return null;
        }

        Failure = null;
        Release();
        return this;
    }

    /// <summary>Hands gradients to libtorch, which has references of its own once the next layer's turn comes.</summary>
    public List<Tensor> HandOver(List<Tensor?> gradients)
    {
        handedOver = gradients;
        List<Tensor?> ofAll = [.. gradients, null]; // the call itself has none
        return ofAll!;
    }

    /// <summary>
    /// Ends the backward pass with an error: libtorch refuses numbers as gradients of images. An exception would end the process instead.
    /// </summary>
    public List<Tensor> Fail(Exception failure)
    {
        Failure ??= failure;
        Tensor refused = zeros([]);
        return HandOver([.. Enumerable.Repeat(refused, CheckpointFunction.Inputs)]);
    }

    /// <summary>Lets go of what the last layer handed over: else the gradients of all layers would be in memory together.</summary>
    public void Release()
    {
        foreach (Tensor? gradient in handedOver)
        {
            gradient?.Dispose();
        }

        handedOver = [];
    }

    /// <summary>Lets go of what is left.</summary>
    public void Dispose() => Release();
}
