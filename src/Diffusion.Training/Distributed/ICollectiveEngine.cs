using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// What carries tensors between the processes of a <see cref="LaunchedProcessGroup"/>. Disposing it ends it in good order, after every
/// process has left the group; after a failure it ends with its process.
/// </summary>
internal interface ICollectiveEngine : IDisposable
{
    /// <summary>Its name and version.</summary>
    string Name { get; }

    /// <summary>Where tensors must live.</summary>
    Device Device { get; }

    /// <summary>Begins to work. The watch learns which operations have finished, and what fails.</summary>
    /// <param name="watch">The watch of the group.</param>
    void Begin(GroupWatch watch);

    /// <summary>Starts an operation, after those that it has started before.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="call">What it computes.</param>
    /// <param name="input">The values of this process; null for a barrier.</param>
    /// <param name="output">Receives the result, which may be <paramref name="input"/>; null for a barrier.</param>
    IPendingOperation Start(long number, CollectiveCall call, Tensor? input, Tensor? output);

    /// <summary>The group has failed: whoever waits for an operation gets the error.</summary>
    void Fail(DistributedException error);

    /// <summary>Ends the engine of this process, and if it can those of the others.</summary>
    void Abort();
}
