using System.Globalization;

namespace Diffusion.Training;

/// <summary>How a run is watched, and what follows when it goes wrong.</summary>
public sealed record HealthOptions
{
    /// <summary>What follows when the loss has diverged. Default <see cref="DivergencePolicy.Report"/>.</summary>
    public DivergencePolicy OnDivergence { get; init; } = DivergencePolicy.Report;

    /// <summary>
    /// A step whose gradients together have a larger norm changes nothing and is counted as skipped, as one whose gradients are not finite;
    /// eight or more one after the other before a report end the run, which is saved. Null, the default, for no limit.
    /// </summary>
    public double? MaxGradientNorm { get; init; }

    /// <summary>
    /// Optimizer steps between two measurements of the <see cref="TrainingProgress.GradientNoiseScale"/>, each as long as one step. Null
    /// for none. Default 1000.
    /// </summary>
    public int? NoiseScaleEverySteps { get; init; } = 1000;

    /// <summary>Every impossible value, each with its remedy.</summary>
    internal IReadOnlyList<string> Problems => ((string?[])
    [
        Enum.IsDefined(OnDivergence) ? null : $"OnDivergence ({OnDivergence}) must be Report, RollBack or Stop. Use Report.",
        MaxGradientNorm is null or (> 0 and < double.PositiveInfinity)
            ? null : string.Create(CultureInfo.InvariantCulture,
                $"MaxGradientNorm ({MaxGradientNorm}) must be positive. Leave it out for no limit."),
        NoiseScaleEverySteps is null or >= 1
            ? null
            : $"NoiseScaleEverySteps ({NoiseScaleEverySteps}) must be at least 1. Use 1000, or null for none.",
    ]).OfType<string>().ToArray();
}
