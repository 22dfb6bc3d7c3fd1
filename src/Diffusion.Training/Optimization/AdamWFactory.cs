using System.Globalization;

namespace Diffusion.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019, algorithm 2) as one fused operator over flat buffers. Weights decay; biases and normalisations do not.
/// </summary>
public sealed record AdamWFactory : IOptimizerFactory
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
    public IOptimizer Create(FlatParameters parameters) => new AdamW(parameters, this);
}
