using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// A copy of a model at one step: a network of its own with weights of its own, in evaluation mode. It lives until it is disposed, whatever
/// becomes of the trainer, and nothing changes it.
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

    /// <summary>Optimizer steps made when it was copied.</summary>
    public long Step { get; }

    /// <summary>Copies what a denoiser samples. Writers of its weights wait meanwhile.</summary>
    /// <param name="source">The denoiser.</param>
    /// <param name="step">Optimizer steps made; asked while nobody writes.</param>
    /// <exception cref="ObjectDisposedException">The weights were freed.</exception>
    internal static DenoiserSnapshot Of(Denoiser source, Func<long> step)
    {
        IDiffusionModel sampled = source.Sampled;

        // A new network draws first weights from the process's generator, between whose draws another thread may be training.
        using IDisposable generator = GlobalGenerator.Keep();
        using WeightLock.Pass pass = source.Enter();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable tensors = TensorLedger.Uncounted(); // its owner may dispose it on another thread
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

    /// <summary>Frees the copy, once the calls in flight have ended; later ones throw <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        gate.Dispose();
        using IDisposable tensors = TensorLedger.Uncounted();
        twin.Dispose();
    }
}
