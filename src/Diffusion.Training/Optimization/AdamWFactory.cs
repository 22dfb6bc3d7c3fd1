using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019, algorithm 2) as one fused operator over flat buffers. Weights decay; biases and normalisations do
/// not.
/// </summary>
internal sealed record AdamWFactory : IOptimizerFactory
{
    /// <summary>Weight decay, multiplied by the learning rate; 0 to 0.1 is usual. Default 0.01.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Decay of the first moment, in [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator. Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    public string Description => string.Create(
        CultureInfo.InvariantCulture, $"adamw(weightDecay: {WeightDecay:R}, beta1: {Beta1:R}, beta2: {Beta2:R}, epsilon: {Epsilon:R})");

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => ((string?[])
    [
        WeightDecay is >= 0 and < double.PositiveInfinity ? null : Problem(nameof(WeightDecay), WeightDecay, "0 or more", 0.01),
        Beta1 is >= 0 and < 1 ? null : Problem(nameof(Beta1), Beta1, "at least 0 and below 1", 0.9),
        Beta2 is >= 0 and < 1 ? null : Problem(nameof(Beta2), Beta2, "at least 0 and below 1", 0.999),
        Epsilon is > 0 and < double.PositiveInfinity ? null : Problem(nameof(Epsilon), Epsilon, "above 0", 1e-8),
    ]).OfType<string>().ToArray();

    /// <inheritdoc/>
    public IOptimizer Create(FlatParameters parameters) => new AdamW(parameters, this);

    private static string Problem(string what, double actual, string expected, double usual) =>
        string.Create(CultureInfo.InvariantCulture, $"AdamW's {what} ({actual}) must be {expected}. Use {usual}.");
}
