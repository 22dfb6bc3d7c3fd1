namespace Diffusion.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019, algorithm 2) as one fused operator over flat buffers. Weights decay; biases and normalizations do
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
    public string Description => PartText.Of(
        "adamw", ("weightDecay", WeightDecay), ("beta1", Beta1), ("beta2", Beta2), ("epsilon", Epsilon));

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => Settings.Problems("AdamW");

    private AdamSettings Settings => new(WeightDecay, Beta1, Beta2, Epsilon, IsDecoupled: true);

    /// <inheritdoc/>
    public bool CanShard => true;

    /// <inheritdoc/>
    public IOptimizer Create(FlatParameters parameters) => new FusedAdam(parameters, parameters.Segments, Settings);
}
