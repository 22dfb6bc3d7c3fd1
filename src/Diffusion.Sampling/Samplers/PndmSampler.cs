using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Pseudo numerical methods for diffusion models (Liu et al. 2022, PNDM): Adams-Bashforth weights for equal steps on the noise, and
/// DDIM's transfer (equation 11). One call of the network per step after the warm-up.
/// </summary>
public sealed record PndmSampler : StepSampler
{
    private const int MaxOrder = 4;

    /// <summary>How the first steps are taken. Default <see cref="PndmWarmup.RungeKutta"/>.</summary>
    public PndmWarmup Warmup { get; init; }

    /// <summary>
    /// Whether a step from nearly pure noise, alpha / sigma of at most 0.001, has order 1: a higher order would multiply the network's
    /// error there. Default true; false is as in diffusers. A step from pure noise always has order 1.
    /// </summary>
    public bool FirstOrderFromNoise { get; init; } = true;

    /// <inheritdoc/>
    protected override int Depth => MaxOrder - 1;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);
        Estimate estimate = step.Denoise(x, from);
        PastEstimate now = new(from, Noise: estimate.Noise);
        if (from.IsPureNoise(orNearly: FirstOrderFromNoise))
        {
            return new StepResult(LevelStep.Move(estimate, to), now);
        }

        PastEstimate[] used = [now, .. step.Past.Take(MaxOrder - 1)];
        Tensor noise = (Warmup, step.Index) switch
        {
            (PndmWarmup.RungeKutta, < 3) when to.Sigma > 0 => RungeKutta(step, x, estimate.Noise),
            (PndmWarmup.ImprovedEuler, 0) when to.Sigma > 0 => ImprovedEuler(step, x, estimate.Noise),
            _ => LevelStep.Mix(SolverWeights.AdamsBashforth(used.Length), [.. used.Select(past => past.Noise!)]),
        };
        return new StepResult(LevelStep.Slide(x, from, to, noise), now);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) => OptionProblems.Choice(Warmup, nameof(Warmup));

    private static Tensor ImprovedEuler(SamplingStep step, Tensor x, Tensor noise)
    {
        Tensor second = step.Denoise(LevelStep.Slide(x, step.From, step.To, noise), step.To).Noise;
        return LevelStep.Mix([0.5, 0.5], [noise, second]);
    }

    private static Tensor RungeKutta(SamplingStep step, Tensor x, Tensor noise)
    {
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);
        NoiseLevel middle = Middle(step);
        Tensor second = step.Denoise(LevelStep.Slide(x, from, middle, noise), middle).Noise;
        Tensor third = step.Denoise(LevelStep.Slide(x, from, middle, second), middle).Noise;
        Tensor fourth = step.Denoise(LevelStep.Slide(x, from, to, third), to).Noise;
        return LevelStep.Mix([1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6], [noise, second, third, fourth]);
    }

    // Halfway in time; at a timestep where the schedule has them, as the network is trained there.
    private static NoiseLevel Middle(SamplingStep step)
    {
        double half = (step.From.Time - step.To.Time) / 2;
        return step.Schedule.At(step.From.Time - (step.Schedule is DiscreteSchedule ? Math.Floor(half) : half));
    }
}
