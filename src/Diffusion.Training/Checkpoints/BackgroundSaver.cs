using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Saves checkpoints on a thread of its own: training waits only while its state is copied. The copy is kept for the next one, so it takes
/// the memory of the state once.
/// </summary>
internal sealed class BackgroundSaver(CheckpointStore store) : IDisposable
{
    private readonly Dictionary<string, Tensor> copies = new(StringComparer.Ordinal);
    private Task<string>? saving;

    /// <summary>Begins to save a state, once the one before is saved.</summary>
    /// <param name="live">The state; it may change as soon as this returns.</param>
    /// <returns>The folder of the checkpoint before, or null.</returns>
    /// <exception cref="CheckpointException">The checkpoint before could not be saved.</exception>
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

    /// <summary>The folder of a checkpoint that was saved since the last question, or null; waits for nothing.</summary>
    /// <exception cref="CheckpointException">It could not be saved.</exception>
    public string? Poll() => saving is { IsCompleted: true } ? Finish() : null;

    /// <summary>Waits until nothing is being saved.</summary>
    /// <returns>The folder of the checkpoint that was saved last, or null if there was none since the last question.</returns>
    /// <exception cref="CheckpointException">It could not be saved.</exception>
    public string? Finish()
    {
        Task<string>? last = saving;
        saving = null;
        return last?.GetAwaiter().GetResult();
    }

    /// <summary>Waits, and frees the copy.</summary>
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
