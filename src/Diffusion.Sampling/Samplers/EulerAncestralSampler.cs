using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Euler's method with noise added after each step (Crowson, k-diffusion; the update is that of Song et al. 2021, equation 16). First
/// order, one call of the network per step. It equals <see cref="DdimSampler"/>, apart from the default Eta and the scale of the noise.
/// </summary>
public sealed record EulerAncestralSampler : StepSampler
{
    /// <summary>How much noise is added, 0 to 1. Default 1, as much as DDPM's small variance.</summary>
    public double Eta { get; init; } = 1;

    /// <summary>The standard deviation of the added noise, above 0. Default 1.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => Eta > 0;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (NoiseLevel down, double added) = LevelStep.Split(step.From, step.To, Eta);
        Tensor next = LevelStep.Move(step.Denoise(x, step.From), down);
        return new StepResult(step.AddNoise(next, added * NoiseScale));
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
        [.. OptionProblems.Eta(Eta), .. OptionProblems.Positive(NoiseScale, nameof(NoiseScale))];
}
