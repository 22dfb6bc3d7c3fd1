using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Gathers the losses of images between two reports by the log-SNR of their noise level, on the device.</summary>
internal sealed class LossGauge : IDisposable, IPassObserver
{
    /// <summary>How many parts there are.</summary>
    public const int Parts = 4;

    private readonly Tensor step;
    private readonly Tensor sums;
    private Tensor? parts;

    /// <param name="device">Where losses are.</param>
    public LossGauge(Device device)
    {
        step = zeros([3, Parts], ScalarType.Float32, device).DetachFromDisposeScope();
        sums = zeros([3, Parts], SumOfSquares.TypeOn(device), device).DetachFromDisposeScope();
    }

    /// <summary>
    /// Per part, from the least noise to the most, <c>[3, Parts]</c> on the device, float64 where it has that: the sum of losses, the sum
    /// of the targets' squares, the number of images.
    /// </summary>
    public Tensor Sums => sums;

    /// <summary>Which part a noise level is counted in, from the least noise to the most.</summary>
    public static int PartOf(NoiseLevel level) => TrainingProgress.LogSnrEdges.Count(edge => level.LogSnr < edge);

    /// <summary>Notes the parts of a micro-batch.</summary>
    public void Begin(IReadOnlyList<NoiseLevel> levels) =>
        parts = tensor([.. levels.Select(level => (long)PartOf(level))]).to(step.device); // [B]

    /// <summary>Takes the losses of the micro-batch.</summary>
    public void End(ObjectiveLoss loss)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor losses = (loss.Prediction - loss.Target).square().flatten(1).mean([1]); // [B]
        Tensor powers = loss.Target.square().flatten(1).mean([1]); // [B]
        Tensor rows = stack([losses, powers, ones_like(losses)]).to(ScalarType.Float32); // [3, B]
        step.scatter_add_(1, parts!.expand(3, parts.shape[0]), rows);
        parts.Dispose();
    }

    /// <summary>Ends a step.</summary>
    /// <param name="counts">bool scalar on the device: false where the step was skipped, and its losses must not count.</param>
    public void EndStep(Tensor counts)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        sums.add_(where(counts, step, zeros_like(step)));
        step.zero_();
    }

    /// <summary>Begins anew.</summary>
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
