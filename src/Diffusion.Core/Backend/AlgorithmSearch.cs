using TorchSharp;

namespace Diffusion;

/// <summary>
/// Lets cuDNN try its algorithms at the first convolution of each shape, and keep the fastest, while something trains on an NVIDIA GPU: the
/// shapes of a training repeat. libtorch has one switch for the process, which is off by default and after the last training.
/// </summary>
/// <param name="set">Sets the switch.</param>
internal sealed class AlgorithmSearch(Action<bool> set)
{
    private readonly Lock gate = new();
    private int users;

    /// <summary>That of this process. It does nothing where libtorch has no switch.</summary>
    public static AlgorithmSearch OfProcess { get; } =
        new(isOn => ConvolutionLibraries.SearchAlgorithms(TorchBackend.Folder, isOn));

    /// <summary>Switches the search on for a training, until the result is disposed.</summary>
    /// <param name="device">Where it computes.</param>
    /// <returns>Null on devices without cuDNN, where nothing changes.</returns>
    public IDisposable? For(DeviceType device)
    {
        if (device != DeviceType.CUDA)
        {
            return null;
        }

        lock (gate)
        {
            if (users == 0)
            {
                set(true);
            }

            users++;
        }

        return new Use(this);
    }

    private void EndUse()
    {
        lock (gate)
        {
            users--;
            if (users == 0)
            {
                set(false);
            }
        }
    }

    private sealed class Use(AlgorithmSearch search) : IDisposable
    {
        private bool isDisposed;

        public void Dispose()
        {
            if (!isDisposed)
            {
                isDisposed = true;
                search.EndUse();
            }
        }
    }
}
