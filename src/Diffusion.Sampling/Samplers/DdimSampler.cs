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
        return new StepResult(added > 0 ? next.Plus(step.Noise().Times(added)) : next);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
        Eta is >= 0 and <= 1 ? [] : [$"Eta is {Eta}, but must lie in 0..1. Use 0 for none, 1 for as much as DDPM."];
}
