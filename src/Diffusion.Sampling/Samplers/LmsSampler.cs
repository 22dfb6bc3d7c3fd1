using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Linear multistep method (Crowson, k-diffusion): Adams-Bashforth over sigma / alpha with unequal steps. One call of the network per
/// step.
/// </summary>
/// <remarks>
/// The order falls where a step is more than 4 times as long as the one before it: the weights would magnify rounding errors.
/// </remarks>
public sealed record LmsSampler : StepSampler
{
    private const double MaxGrowth = 4;

    /// <summary>The number of estimates that a step uses, 1 to 4. Default 4.</summary>
    public int Order { get; init; } = 4;

    /// <inheritdoc/>
    protected override int Depth => Order - 1;

    /// <inheritdoc/>
    protected override StepResult Step(SamplingStep step, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(step);
        (NoiseLevel from, NoiseLevel to) = (step.From, step.To);
        Estimate estimate = step.Denoise(x, from);
        if (from.Alpha == 0)
        {
            return new StepResult(LevelStep.Move(estimate, to));
        }

        PastEstimate now = new(from, Noise: estimate.Noise);
        double width = to.Ratio - from.Ratio;
        bool isLong = step.Past is [var before, ..] && Math.Abs(width) > MaxGrowth * Math.Abs(from.Ratio - before.At.Ratio);
        PastEstimate[] used = isLong ? [now] : [now, .. step.Past.Take(Order - 1)];
        double[] weights = SolverWeights.Lagrange([.. used.Select(past => past.At.Ratio)], from.Ratio, to.Ratio);
        Tensor slope = LevelStep.Mix([.. weights.Select(weight => weight / width)], [.. used.Select(past => past.Noise!)]);
        return new StepResult(LevelStep.Slide(x, from, to, slope), now);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> Problems(INoiseSchedule schedule) => OptionProblems.Order(Order, 4);
}
