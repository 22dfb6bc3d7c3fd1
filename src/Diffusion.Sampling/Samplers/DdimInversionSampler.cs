using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// DDIM inversion (Song et al. 2021, section 4.3; Mokady et al. 2023): turns images into the noise from which <see cref="DdimSampler"/>
/// makes them again. The network gets the images of one level with the label of the next noisier one. One call per step.
/// The noise has unit variance, as <see cref="SampleRequest.StartNoise"/> takes it.
/// </summary>
/// <remarks>
/// It needs <see cref="SampleRequest.StartImages"/> and a grid from the least noise to the most: a <see cref="ReversedGrid"/>. Other
/// deterministic samplers invert too, on such a grid; this one alone shifts the labels.
/// </remarks>
public sealed record DdimInversionSampler : StepSampler
{
    internal override bool ReachesPureNoise => true;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        return new StepResult(LevelStep.Move(step.Denoise(x, step.From with { Label = step.To.Label }), step.To));
    }

    /// <summary><see cref="SamplingGrid.UsualFor"/>, reversed.</summary>
    /// <inheritdoc/>
    protected override ISamplingGrid UsualGrid(INoiseSchedule schedule) => new ReversedGrid(SamplingGrid.UsualFor(schedule));
}
