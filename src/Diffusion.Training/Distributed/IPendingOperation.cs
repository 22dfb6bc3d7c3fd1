namespace Diffusion.Training;

/// <summary>An operation of a process group that has been started. Its tensors must not be used before it has finished.</summary>
public interface IPendingOperation : IDisposable
{
    /// <summary>Whether it has finished; never waits.</summary>
    bool IsCompleted { get; }

    /// <summary>
    /// Waits for it; on a GPU, makes the device's later work wait for it instead of the calling thread. Calling it again does nothing.
    /// </summary>
    /// <exception cref="DistributedException">It failed, did not finish before the deadline, or the group was aborted.</exception>
    void Wait();
}
