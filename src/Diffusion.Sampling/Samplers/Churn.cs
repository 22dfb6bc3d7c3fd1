using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Noise that is added before each step, so that the network corrects the errors of earlier steps (Karras et al. 2022, algorithm 2).
/// </summary>
public sealed record Churn
{
    /// <summary>No noise: the default.</summary>
    public static Churn None { get; } = new();

    /// <summary>The amount over all steps, S_churn: 0 or more. Default 0, none.</summary>
    public double Amount { get; init; }

    /// <summary>The minimum sigma / alpha at which noise is added, S_tmin. Default 0.</summary>
    public double MinRatio { get; init; }

    /// <summary>The maximum sigma / alpha at which noise is added, S_tmax. Default infinity.</summary>
    public double MaxRatio { get; init; } = double.PositiveInfinity;

    /// <summary>The standard deviation of the added noise, S_noise: above 0. Default 1; 1.003 is usual.</summary>
    public double NoiseScale { get; init; } = 1;

    /// <summary>The images and the level after noise was added.</summary>
    /// <param name="step">The step.</param>
    /// <param name="x">The images at the level that the step leaves.</param>
    internal (Tensor Sample, NoiseLevel Level) Apply(SamplingStep step, Tensor x)
    {
        NoiseLevel from = step.From;
        double gamma = from.Ratio >= MinRatio && from.Ratio <= MaxRatio ? Math.Min(Amount / step.Count, Math.Sqrt(2) - 1) : 0;
        if (gamma == 0 || from.Alpha == 0)
        {
            return (x, from);
        }

        NoiseLevel noisier = step.Schedule.WithHalfLogSnr(from.HalfLogSnr - double.LogP1(gamma));
        return (LevelStep.Up(x, from, noisier, step.Noise().Times(NoiseScale)), noisier);
    }

    /// <summary>Lists the invalid values, each with its remedy.</summary>
    internal IEnumerable<string> Problems()
    {
        if (!(Amount >= 0) || !double.IsFinite(Amount))
        {
            yield return $"Churn.Amount is {Amount}, but must be 0 or more. Use 0 for none.";
        }

        if (!(MinRatio <= MaxRatio))
        {
            yield return $"Churn.MinRatio is {MinRatio}, above MaxRatio, {MaxRatio}: no noise would be added. Swap them.";
        }

        if (!(NoiseScale > 0) || !double.IsFinite(NoiseScale))
        {
            yield return $"Churn.NoiseScale is {NoiseScale}, but must be above 0. Use 1.";
        }
    }

    /// <summary>Lists the problems of a sampler's churn, each with its remedy.</summary>
    internal static IEnumerable<string> ProblemsOf(Churn? churn) =>
        churn is null ? ["Churn is null. Use Churn.None for none."] : churn.Problems();
}
