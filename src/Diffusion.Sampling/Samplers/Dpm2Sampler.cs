using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// DPM-Solver-2 in the form of Karras et al. 2022, with the midpoint of log sigma (Crowson, k-diffusion; KDPM2 of diffusers). Second order,
/// two calls of the network per step except the last.
/// </summary>
public sealed record Dpm2Sampler : StepSampler
{
    /// <summary>Noise that is added before each step. Default none.</summary>
    public Churn Churn { get; init; } = Churn.None;

    /// <summary>How much noise is added after each step, 0 to 1. Default 0, none; 1 is the ancestral form.</summary>
    public double Eta { get; init; }

    /// <summary>The standard deviation of that noise, above 0. Default 1.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <summary>
    /// Whether a step from nearly pure noise, alpha / sigma of at most 0.001, has order 1: a higher order would multiply the network's
    /// error there. Default true; false is as in diffusers. A step from pure noise always has order 1.
    /// </summary>
    public bool FirstOrderFromNoise { get; init; } = true;

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => Eta > 0;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (Tensor start, NoiseLevel from) = Churn.Apply(step, x);
        Estimate first = step.Denoise(start, from);
        (NoiseLevel down, double added) = LevelStep.Split(from, step.To, Eta);
        if (down.Sigma == 0 || from.IsPureNoise(orNearly: FirstOrderFromNoise))
        {
            return new StepResult(step.AddNoise(LevelStep.Move(first, down), added * NoiseScale));
        }

        NoiseLevel middle = step.Schedule.WithHalfLogSnr((from.HalfLogSnr + down.HalfLogSnr) / 2);
        Estimate second = step.Denoise(LevelStep.Move(first, middle), middle);
        return new StepResult(step.AddNoise(LevelStep.Slide(start, from, down, second.Noise), added * NoiseScale));
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
    [
        .. Churn.ProblemsOf(Churn), .. OptionProblems.Eta(Eta), .. OptionProblems.Positive(NoiseScale, nameof(NoiseScale)),
        .. Churn is { Amount: > 0 } && Eta > 0 ? ["Churn and Eta both add noise. Use one of them."] : Array.Empty<string>(),
    ];
}
