using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Denoising diffusion implicit models (Song, Meng and Ermon 2021): good images in few steps. Deterministic with <see cref="Eta"/> 0: the
/// images are a smooth function of the initial noise.
/// </summary>
public sealed record DdimSampler : StepSampler
{
    /// <summary>How much noise is added while sampling, 0 to 1. Default 0, none; 1 is DDPM with its small variance.</summary>
    public double Eta { get; init; }

    /// <summary>The standard deviation of the added noise, above 0. Default 1.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <inheritdoc/>
    internal override bool MayStayInPlace => true;

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => Eta > 0;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        Estimate estimate = step.Denoise(x, step.From);
        (NoiseLevel down, double added) = LevelStep.Split(step.From, step.To, Eta);

        // Equation 12: the clean image, the noise of x, and new noise in place of a part of it.
        Tensor next = LevelStep.Move(estimate, down);
        return new StepResult(step.AddNoise(next, added * NoiseScale));
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
        [.. OptionProblems.Eta(Eta), .. OptionProblems.Positive(NoiseScale, nameof(NoiseScale))];
}
