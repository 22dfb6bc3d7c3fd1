using System.Globalization;

namespace Diffusion.Training;

/// <summary>Prodigy (Mishchenko and Defazio 2023), with the options and defaults of its reference implementation.</summary>
internal sealed record ProdigyFactory : IOptimizerFactory
{
    /// <summary>Weight decay, multiplied by the learning rate. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Decay of the first moment, in [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Decay of the sums behind the estimate, in [0, 1). Default null: the square root of <see cref="Beta2"/>.</summary>
    public double? Beta3 { get; init; }

    /// <summary>Added to the denominator, in units of d. Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The first d, above 0. Default 1e-6.</summary>
    public double FirstDistance { get; init; } = 1e-6;

    /// <summary>The factor of the estimate, above 0. Default 1.</summary>
    public double Coefficient { get; init; } = 1;

    /// <summary>The largest factor by which d grows in a step, above 1. Default infinity.</summary>
    public double GrowthRate { get; init; } = double.PositiveInfinity;

    /// <summary>Whether the first steps are corrected as in Adam. Default false.</summary>
    public bool CorrectsBias { get; init; }

    /// <summary>Whether the estimate disregards the learning rate, as a warm-up needs. Default false.</summary>
    public bool SafeguardsWarmup { get; init; }

    /// <inheritdoc/>
    public string Description => string.Create(
        CultureInfo.InvariantCulture,
        $"prodigy(weightDecay: {WeightDecay:R}, beta1: {Beta1:R}, beta2: {Beta2:R}, beta3: {Beta3 ?? Math.Sqrt(Beta2):R}, epsilon: "
        + $"{Epsilon:R}, d0: {FirstDistance:R}, coefficient: {Coefficient:R}, growthRate: {GrowthRate:R}, biasCorrection: {CorrectsBias}, "
        + $"safeguardWarmup: {SafeguardsWarmup})");

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => OptimizerProblems.Of(
        "Prodigy",
        OptimizerProblems.Decay(WeightDecay, 0.01),
        OptimizerProblems.Beta(nameof(Beta1), Beta1, 0.9),
        OptimizerProblems.Beta(nameof(Beta2), Beta2, 0.999),
        Beta3 is { } beta3 ? OptimizerProblems.Beta(nameof(Beta3), beta3, 0.9995) : null,
        OptimizerProblems.Positive(nameof(Epsilon), Epsilon, 1e-8),
        OptimizerProblems.Positive("d0", FirstDistance, 1e-6),
        OptimizerProblems.Positive(nameof(Coefficient), Coefficient, 1),
        OptimizerProblems.Check(nameof(GrowthRate), GrowthRate, GrowthRate > 1, "above 1", 1.02));

    /// <inheritdoc/>
    public double StateBytesPerParameter => 4 * sizeof(float);

    /// <inheritdoc/>
    public double TemporaryBytesPerParameter => 2 * sizeof(float); // the step and its divisor

    /// <inheritdoc/>
    public bool FindsLearningRate => true;

    /// <inheritdoc/>
    public IOptimizer Create(FlatParameters parameters) => new Prodigy(parameters, this);
}
