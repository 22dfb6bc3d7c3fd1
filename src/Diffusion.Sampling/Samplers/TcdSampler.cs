using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Strategic stochastic sampling of trajectory consistency models (Zheng et al. 2024, TCD, algorithm 4): each step goes below its target
/// time, then adds noise up to it. One call of the network per step.
/// </summary>
public sealed record TcdSampler : StepSampler
{
    /// <summary>How far below the target a step goes, as a fraction of its time, 0 to 1. Default 0.3; 0 is deterministic.</summary>
    public double Gamma { get; init; } = 0.3;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        NoiseLevel to = step.To;
        Estimate estimate = step.Denoise(x, step.From);
        if (Gamma == 0 || to.Sigma == 0)
        {
            return new StepResult(LevelStep.Move(estimate, to));
        }

        double time = (1 - Gamma) * to.Time;
        NoiseLevel below = step.Schedule.At(Math.Max(step.Schedule.FirstTime, step.Schedule is DiscreteSchedule ? Math.Floor(time) : time));
        Tensor next = LevelStep.Move(estimate, below);
        return new StepResult(step.Left == 1 || below == to ? next : LevelStep.Up(next, below, to, step.Noise()));
    }

    /// <summary>8: models are distilled for few steps.</summary>
    /// <inheritdoc/>
    protected override int UsualSteps(INoiseSchedule schedule) => 8;

    /// <summary>
    /// A <see cref="DistilledGrid"/> that ends at timestep 0 for a discrete schedule, otherwise <see cref="SamplingGrid.UsualFor"/>.
    /// </summary>
    /// <inheritdoc/>
    protected override ISamplingGrid UsualGrid(INoiseSchedule schedule) =>
        schedule is DiscreteSchedule ? new DistilledGrid { EndsClean = false } : SamplingGrid.UsualFor(schedule);

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
        Gamma is >= 0 and <= 1 ? [] : [$"Gamma is {Gamma}, but must lie in 0..1. Use 0.3."];
}
