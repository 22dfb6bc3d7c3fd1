namespace Diffusion.Training;

/// <summary>
/// Saves checkpoints on a background thread, so that training waits only while its state is copied. The buffer of the copy is reused and
/// needs the memory of the state once.
/// </summary>
internal sealed class BackgroundSaver(CheckpointStore store) : IDisposable
{
    private readonly HostBuffers buffers = new();
    private Task<string>? saving;

    /// <summary>Starts to save a state, after the previous save has finished.</summary>
    /// <param name="live">The state. It may change as soon as this method returns.</param>
    /// <returns>The folder of the previous checkpoint, or null.</returns>
    /// <exception cref="CheckpointException">The previous checkpoint could not be saved.</exception>
    public string? Begin(Checkpoint live) => Begin(copies => copies.Copy(live));

    /// <summary>Starts to save a state, after the previous save has finished.</summary>
    /// <param name="copy">Copies the state into the buffers. It may change as soon as this method returns.</param>
    /// <returns>The folder of the previous checkpoint, or null.</returns>
    /// <exception cref="CheckpointException">The previous checkpoint could not be saved.</exception>
    public string? Begin(Func<HostBuffers, Checkpoint> copy)
    {
        string? before = Finish();
        Checkpoint saved = copy(buffers);
        saving = Task.Factory.StartNew(() => store.Save(saved), CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        return before;
    }

    /// <summary>Returns the folder of a checkpoint saved since the last call of a method of this class, or null. Does not wait.</summary>
    /// <exception cref="CheckpointException">The checkpoint could not be saved.</exception>
    public string? Poll() => saving is { IsCompleted: true } ? Finish() : null;

    /// <summary>Waits until the save in progress has finished.</summary>
    /// <returns>The folder of the checkpoint saved last, or null if none was saved since the last call.</returns>
    /// <exception cref="CheckpointException">The checkpoint could not be saved.</exception>
    public string? Finish()
    {
        Task<string>? last = saving;
        saving = null;
        return last?.GetAwaiter().GetResult();
    }

    /// <summary>Waits for the save in progress and frees the copy.</summary>
    public void Dispose()
    {
        ((IAsyncResult?)saving)?.AsyncWaitHandle.WaitOne();
        buffers.Dispose();
    }
}
