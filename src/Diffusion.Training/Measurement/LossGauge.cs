using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Accumulates the losses of images between two reports on the device, grouped by the log-SNR of their noise level.</summary>
internal sealed class LossGauge : IDisposable, IPassObserver
{
    /// <summary>The number of log-SNR ranges.</summary>
    public const int Parts = 4;

    private readonly Tensor step;
    private readonly Tensor sums;
    private Tensor? parts;

    /// <param name="device">The device of the losses.</param>
    public LossGauge(Device device)
    {
        step = zeros([3, Parts], ScalarType.Float32, device).DetachFromDisposeScope();
        sums = zeros([3, Parts], SumOfSquares.TypeOn(device), device).DetachFromDisposeScope();
    }

    /// <summary>
    /// The sum of the losses, the sum of the squared targets and the number of images for each log-SNR range, from the least noise to the
    /// most: <c>[3, Parts]</c> on the device, float64 if the device supports it.
    /// </summary>
    public Tensor Sums => sums;

    /// <summary>Returns the log-SNR range of a noise level, from the least noise to the most.</summary>
    public static int PartOf(NoiseLevel level) => TrainingProgress.LogSnrEdges.Count(edge => level.LogSnr < edge);

    /// <summary>Stores the log-SNR ranges of a micro-batch.</summary>
    public void Begin(IReadOnlyList<NoiseLevel> levels) =>
        parts = tensor([.. levels.Select(level => (long)PartOf(level))]).SendTo(step.device); // [B]

    /// <summary>Adds the losses of the micro-batch.</summary>
    public void End(ObjectiveLoss loss)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor losses = (loss.Prediction - loss.Target).Squared().flatten(1).mean([1]); // [B]
        Tensor powers = loss.Target.Squared().flatten(1).mean([1]); // [B]
        Tensor rows = stack([losses, powers, ones_like(losses)]).to(ScalarType.Float32); // [3, B]
        step.scatter_add_(1, parts!.expand(3, parts.shape[0]), rows);
        parts.Dispose();
    }

    /// <summary>Ends a step.</summary>
    /// <param name="counts">A bool scalar on the device: false if the step was skipped and its losses must not count.</param>
    public void EndStep(Tensor counts)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        sums.Increase(where(counts, step, zeros_like(step)));
        step.zero_();
    }

    /// <summary>Clears the sums.</summary>
    public void Reset()
    {
        using IDisposable noGradients = no_grad();
        step.zero_();
        sums.zero_();
    }

    public void Dispose()
    {
        step.Dispose();
        sums.Dispose();
    }
}
