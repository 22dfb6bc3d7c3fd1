using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Singlestep DPM-Solver++(2S) with an inner level halfway in log-SNR (Lu et al. 2022b, algorithm 1), and noise added after each step
/// (Crowson, k-diffusion, <c>sample_dpmpp_2s_ancestral</c>). Second order, two calls of the network per step except the last.
/// </summary>
public sealed record DpmSolver2S : StepSampler
{
    /// <summary>How much noise is added after each step, 0 to 1. Default 0, none; 1 is the ancestral form.</summary>
    public double Eta { get; init; }

    /// <summary>The standard deviation of that noise, above 0. Default 1.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <inheritdoc/>
    internal override bool AddsNoise(NoiseLevel level) => Eta > 0;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        NoiseLevel from = step.From;
        Estimate first = step.Denoise(x, from);
        (NoiseLevel down, double added) = LevelStep.Split(from, step.To, Eta);
        if (down.Sigma == 0 || from.Alpha == 0)
        {
            return new StepResult(step.AddNoise(LevelStep.Move(first, down), added * NoiseScale));
        }

        NoiseLevel middle = step.Schedule.WithHalfLogSnr((from.HalfLogSnr + down.HalfLogSnr) / 2);
        Tensor there = new ExponentialStep(from, middle, SolverForm.Data).First(x, first.Clean);
        Estimate second = step.Denoise(there, middle);
        Tensor next = new ExponentialStep(from, down, SolverForm.Data).Second(x, first.Clean, second.Clean, 0.5, SolverSlope.HalfPhi);
        return new StepResult(step.AddNoise(next, added * NoiseScale));
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) =>
        [.. OptionProblems.Eta(Eta), .. OptionProblems.Positive(NoiseScale, nameof(NoiseScale))];
}
