namespace Diffusion.Training;

/// <summary>Adam (Kingma and Ba 2015, algorithm 1) as one fused operator over flat buffers, with weight decay as an L2 penalty.</summary>
internal sealed record AdamFactory : IOptimizerFactory
{
    /// <summary>The L2 penalty, added to the gradients of weights. Default 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Decay of the first moment, in [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator. Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    public string Description => PartText.Of(
        "adam", ("weightDecay", WeightDecay), ("beta1", Beta1), ("beta2", Beta2), ("epsilon", Epsilon));

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => Settings.Problems("Adam");

    private AdamSettings Settings => new(WeightDecay, Beta1, Beta2, Epsilon, IsDecoupled: false);

    /// <inheritdoc/>
    public bool CanShard => true;

    /// <inheritdoc/>
    public IOptimizer Create(FlatParameters parameters) => new FusedAdam(parameters, parameters.Segments, Settings);
}
