using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Euler's method with optional churn (Karras et al. 2022, algorithm 2 without its second-order correction): first order, one call of the
/// network per step. Without churn it equals <see cref="DdimSampler"/> with Eta 0 on every schedule; the usual sampler of rectified flow.
/// </summary>
public sealed record EulerSampler : StepSampler
{
    /// <summary>Noise that is added before each step. Default none.</summary>
    public Churn Churn { get; init; } = Churn.None;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (Tensor start, NoiseLevel from) = Churn.Apply(step, x);
        return new StepResult(LevelStep.Move(step.Denoise(start, from), step.To));
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) => Churn.ProblemsOf(Churn);
}
