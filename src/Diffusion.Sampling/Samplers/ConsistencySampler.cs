using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Multistep consistency sampling (Song et al. 2023, algorithm 1), also of latent consistency models (Luo et al. 2023): each step estimates
/// the clean image and adds new noise of the next level. For models distilled for few steps, and stochastic sampling of rectified flow.
/// One call of the network per step.
/// </summary>
public sealed record ConsistencySampler : StepSampler
{
    /// <summary>
    /// The sigma / alpha that an estimate still holds, at least 0: the smallest sigma of consistency models. Default 0, as for latent
    /// consistency models.
    /// </summary>
    public double Floor { get; init; }

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        NoiseLevel to = step.To;
        Tensor clean = step.Denoise(x, step.From).Clean.Times(to.Alpha);
        double held = to.Alpha * Floor;
        return new StepResult(step.AddNoise(clean, Math.Sqrt(Math.Max((to.Sigma * to.Sigma) - (held * held), 0))));
    }

    /// <summary>8: models are distilled for few steps.</summary>
    /// <inheritdoc/>
    protected override int UsualSteps(INoiseSchedule schedule) => 8;

    /// <summary>A <see cref="DistilledGrid"/> for a discrete schedule, otherwise <see cref="SamplingGrid.UsualFor"/>.</summary>
    /// <inheritdoc/>
    protected override ISamplingGrid UsualGrid(INoiseSchedule schedule) =>
        schedule is DiscreteSchedule ? new DistilledGrid() : SamplingGrid.UsualFor(schedule);

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
        Floor >= 0 && double.IsFinite(Floor) ? [] : [$"Floor is {Floor}, but must be 0 or more. Use 0, or the smallest trained sigma."];
}
