using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Heun's method (Karras et al. 2022, algorithm 2): Euler's step, then the mean of the slopes at its two ends. Second order, two calls
/// of the network per step except the last.
/// </summary>
public sealed record HeunSampler : StepSampler
{
    /// <summary>Noise that is added before each step. Default none.</summary>
    public Churn Churn { get; init; } = Churn.None;

    /// <summary>In which scaling the path is straight. Default <see cref="HeunPath.Ratio"/>.</summary>
    public HeunPath Path { get; init; }

    /// <summary>
    /// Whether a step from nearly pure noise, alpha / sigma of at most 0.001, has order 1: a higher order would multiply the network's
    /// error there. Default true; false is as in diffusers. A step from pure noise always has order 1.
    /// </summary>
    public bool FirstOrderFromNoise { get; init; } = true;

    internal override bool ReachesPureNoise => Path == HeunPath.Own;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        NoiseLevel to = step.To;
        (Tensor start, NoiseLevel from) = Churn.Apply(step, x);
        Estimate first = step.Denoise(start, from);
        Tensor euler = LevelStep.Move(first, to);
        if (to.Sigma == 0 || (Path == HeunPath.Ratio && from.IsPureNoise(orNearly: FirstOrderFromNoise)))
        {
            return new StepResult(euler);
        }

        Estimate second = step.Denoise(euler, to);
        Tensor noise = first.Noise.Plus(second.Noise).Times(0.5);
        return new StepResult(Path == HeunPath.Ratio
            ? LevelStep.Slide(start, from, to, noise)
            : LevelStep.Chord(start, from, to, first.Clean.Plus(second.Clean).Times(0.5), noise));
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
        [.. Churn.ProblemsOf(Churn), .. OptionProblems.Choice(Path, nameof(Path))];
}
