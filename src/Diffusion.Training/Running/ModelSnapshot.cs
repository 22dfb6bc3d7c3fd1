using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Copies a model at one step: a separate network with separate weights, in evaluation mode.</summary>
internal static class ModelSnapshot
{
    /// <summary>Copies the model that a denoiser samples. Writers of its weights wait during the copy.</summary>
    /// <param name="source">The denoiser.</param>
    /// <param name="step">Returns the number of optimizer steps taken. Called while nobody writes.</param>
    /// <param name="precision">What the copy computes in; checked by the caller.</param>
    /// <exception cref="ObjectDisposedException">The weights are disposed.</exception>
    public static TrainedModel Of(Denoiser source, Func<long> step, Precision precision)
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
            if (PrecisionTypes.IsHalf(precision))
            {
                NetworkRounding.Round(copy.Network, precision);
            }

            copy.Network.eval();
            WeightLock gate = new(nameof(TrainedModel), "Dispose it after the last sample.");
            Denoiser denoiser = new(copy, new Lazy<IDiffusionModel>(copy), source.Schedule, source.Parameterization, gate)
            {
                SampleShape = source.SampleShape, IsTrainedForGuidance = source.IsTrainedForGuidance,
            };
            return new TrainedModel(denoiser, () => Release(copy, gate)) { Step = step() };
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    private static void Release(IDiffusionModel copy, WeightLock gate)
    {
        gate.Dispose(); // waits for the calls in progress
        using IDisposable tensors = TensorLedger.Uncounted();
        copy.Dispose();
    }
}
