using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// A copy of a model at one step: a separate network with separate weights, in evaluation mode. It never changes, and it is valid until it
/// is disposed, even after the trainer is disposed.
/// </summary>
/// <example><code>
/// using DenoiserSnapshot snapshot = trainer.SnapshotEma();
/// using Tensor images = new DdimSampler().Sample(snapshot.Denoiser, count: 16);
/// </code></example>
public sealed class DenoiserSnapshot : IDisposable
{
    private readonly WeightLock gate = new(nameof(DenoiserSnapshot), "Dispose it after the last sample.");
    private readonly IDiffusionModel twin;

    private DenoiserSnapshot(Denoiser source, IDiffusionModel twin, long step)
    {
        this.twin = twin;
        Step = step;
        Denoiser = new Denoiser(twin, new Lazy<IDiffusionModel>(twin), source.Schedule, source.Parameterization,
            gate) { SampleShape = source.SampleShape };
    }

    /// <summary>The copy, with its schedule and prediction type.</summary>
    public Denoiser Denoiser { get; }

    /// <summary>The number of optimizer steps taken when the copy was made.</summary>
    public long Step { get; }

    /// <summary>Copies the model that a denoiser samples. Writers of its weights wait during the copy.</summary>
    /// <param name="source">The denoiser.</param>
    /// <param name="step">Returns the number of optimizer steps taken. Called while nobody writes.</param>
    /// <exception cref="ObjectDisposedException">The weights are disposed.</exception>
    internal static DenoiserSnapshot Of(Denoiser source, Func<long> step)
    {
        IDiffusionModel sampled = source.Sampled;

        // A new network draws its initial weights from the global generator, which another thread may be using for training.
        using IDisposable generator = GlobalGenerator.Keep();
        using WeightLock.Pass pass = source.Enter();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable tensors = TensorLedger.Uncounted(); // the owner may dispose the copy on another thread
        IDiffusionModel copy = sampled.CreateTwin();
        try
        {
            ModelTwin.CopyWeights(sampled, copy);
            copy.Network.eval();
            return new DenoiserSnapshot(source, copy, step());
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Disposes the copy after the calls in progress have ended. Later calls throw <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose()
    {
        gate.Dispose();
        using IDisposable tensors = TensorLedger.Uncounted();
        twin.Dispose();
    }
}
