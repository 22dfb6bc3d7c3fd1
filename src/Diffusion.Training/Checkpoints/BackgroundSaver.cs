using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Saves checkpoints on a background thread, so that training waits only while its state is copied. The buffer of the copy is reused and
/// needs the memory of the state once.
/// </summary>
internal sealed class BackgroundSaver(CheckpointStore store) : IDisposable
{
    private readonly Dictionary<string, Tensor> copies = new(StringComparer.Ordinal);
    private Task<string>? saving;

    /// <summary>Starts to save a state, after the previous save has finished.</summary>
    /// <param name="live">The state. It may change as soon as this method returns.</param>
    /// <returns>The folder of the previous checkpoint, or null.</returns>
    /// <exception cref="CheckpointException">The previous checkpoint could not be saved.</exception>
    public string? Begin(Checkpoint live)
    {
        string? before = Finish();
        Checkpoint copy = new(
            live.Manifest, Copy("weights", live.Weights), [.. live.Averages.Select((average, place) => Copy($"average {place}", average))],
            Copy("optimizer", live.Optimizer));
        saving = Task.Factory.StartNew(() => store.Save(copy), CancellationToken.None, TaskCreationOptions.LongRunning,
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
        foreach (Tensor copy in copies.Values)
        {
            copy.Dispose();
        }
    }

    private Dictionary<string, Tensor> Copy(string set, IReadOnlyDictionary<string, Tensor> live)
    {
        using IDisposable noGradients = no_grad();
        Dictionary<string, Tensor> named = new(StringComparer.Ordinal);
        foreach ((string name, Tensor tensor) in live)
        {
            string key = $"{set} {name}";
            if (!copies.TryGetValue(key, out Tensor? copy))
            {
                copy = empty(tensor.shape, tensor.dtype, CPU).DetachFromDisposeScope();
                copies.Add(key, copy);
            }

            copy.copy_(tensor);
            named.Add(name, copy);
        }

        return named;
    }
}
