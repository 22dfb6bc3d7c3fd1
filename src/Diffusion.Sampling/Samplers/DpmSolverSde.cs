using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// DPM-Solver++ for the reverse SDE with an inner level (Crowson, k-diffusion, <c>sample_dpmpp_sde</c>). Its two draws of noise lie on one
/// path; independent draws would lose an order. Two calls of the network per step except the last.
/// </summary>
public sealed record DpmSolverSde : StepSampler
{
    /// <summary>How much noise is added, 0 to 1. Default 1.</summary>
    public double Eta { get; init; } = 1;

    /// <summary>The standard deviation of the noise, above 0. Default 1.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <summary>The inner level, as a fraction of the step in log-SNR, in (0, 1). Default 0.5.</summary>
    public double InnerFraction { get; init; } = 0.5;

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => Eta > 0;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);
        Estimate first = step.Denoise(x, from);
        if (to.Sigma == 0)
        {
            return new StepResult(LevelStep.Move(first, to));
        }

        if (from.Alpha == 0)
        {
            return new StepResult(step.LeavePureNoise(first, Eta, NoiseScale));
        }

        NoiseLevel middle = step.Schedule.WithHalfLogSnr(from.HalfLogSnr + (InnerFraction * (to.HalfLogSnr - from.HalfLogSnr)));
        (Tensor Part, Tensor Whole)? noise = Eta > 0 ? step.PathNoise(middle) : null;
        Tensor there = Go(x, from, middle, first.Clean, noise?.Part);
        Estimate second = step.Denoise(there, middle);
        double share = 1 / (2 * InnerFraction);
        return new StepResult(Go(x, from, to, LevelStep.Mix([1 - share, share], [first.Clean, second.Clean]), noise?.Whole));
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
    [
        .. OptionProblems.Eta(Eta), .. OptionProblems.Positive(NoiseScale, nameof(NoiseScale)),
        .. InnerFraction is > 0 and < 1
            ? Array.Empty<string>()
            : [$"InnerFraction is {InnerFraction}, but must lie between 0 and 1. Use 0.5."],
    ];

    private Tensor Go(Tensor x, NoiseLevel from, NoiseLevel to, Tensor clean, Tensor? unit)
    {
        (NoiseLevel down, double added) = LevelStep.Split(from, to, Eta);
        Tensor next = down.Sigma == 0 ? clean.Times(down.Alpha) : new ExponentialStep(from, down, SolverForm.Data).First(x, clean);
        return unit is null ? next : next.Increase(unit.Times(added * NoiseScale));
    }
}
