using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Gathers the losses of images between two reports by the quarter of the schedule that their time lies in, on the device.
/// </summary>
internal sealed class LossGauge : IDisposable
{
    /// <summary>Into how many parts the schedule is divided.</summary>
    public const int Parts = 4;

    private readonly INoiseSchedule schedule;
    private readonly Tensor step;
    private readonly Tensor sums;

    /// <param name="schedule">Its times are divided.</param>
    /// <param name="device">Where losses are.</param>
    public LossGauge(INoiseSchedule schedule, Device device)
    {
        this.schedule = schedule;
        step = zeros([3, Parts], ScalarType.Float32, device).DetachFromDisposeScope();
        sums = zeros([3, Parts], SumOfSquares.TypeOn(device), device).DetachFromDisposeScope();
    }

    /// <summary>
    /// Per part of the schedule, <c>[3, Parts]</c> on the device, float64 where it has that: the sum of losses, the sum of the targets'
    /// squares, the number of images.
    /// </summary>
    public Tensor Sums => sums;

    /// <summary>
    /// The parts of the schedule that noise levels lie in, on the device. To be asked before the forward pass: the copy waits for what is
    /// under way.
    /// </summary>
    /// <param name="levels">The level of each image.</param>
    /// <returns>int64 <c>[B]</c>.</returns>
    public Tensor PartsOf(IReadOnlyList<NoiseLevel> levels) => tensor([.. levels.Select(PartOf)]).to(step.device);

    /// <summary>Takes a micro-batch.</summary>
    /// <param name="prediction"><c>[B, C, H, W]</c>.</param>
    /// <param name="target"><c>[B, C, H, W]</c>.</param>
    /// <param name="parts">What <see cref="PartsOf"/> gave for its timesteps.</param>
    public void Take(Tensor prediction, Tensor target, Tensor parts)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor losses = (prediction - target).square().flatten(1).mean([1]); // [B]
        Tensor powers = target.square().flatten(1).mean([1]); // [B]
        Tensor rows = stack([losses, powers, ones_like(losses)]).to(ScalarType.Float32); // [3, B]
        step.scatter_add_(1, parts.expand(3, parts.shape[0]), rows);
    }

    /// <summary>Ends a step.</summary>
    /// <param name="counts">bool scalar on the device: false where the step was skipped, and its losses must not count.</param>
    public void End(Tensor counts)
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

    private long PartOf(NoiseLevel level) => schedule is DiscreteSchedule discrete
        ? (long)level.Time * Parts / discrete.Timesteps
        : Math.Min(Parts - 1, (long)((level.Time - schedule.FirstTime) / (schedule.LastTime - schedule.FirstTime) * Parts));
}
