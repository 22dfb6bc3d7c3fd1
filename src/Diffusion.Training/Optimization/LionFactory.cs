namespace Diffusion.Training;

/// <summary>Lion (Chen et al. 2023, algorithm 2) over flat buffers.</summary>
internal sealed record LionFactory : IOptimizerFactory
{
    /// <summary>Weight decay, multiplied by the learning rate. Default 0.1.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>The share of the momentum in the direction of a step, in [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The decay of the momentum, in [0, 1). Default 0.99.</summary>
    public double Beta2 { get; init; } = 0.99;

    /// <inheritdoc/>
    public string Description => PartText.Of("lion", ("weightDecay", WeightDecay), ("beta1", Beta1), ("beta2", Beta2));

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => OptimizerProblems.Of(
        "Lion",
        OptimizerProblems.Decay(WeightDecay, 0.1),
        OptimizerProblems.Beta(nameof(Beta1), Beta1, 0.9),
        OptimizerProblems.Beta(nameof(Beta2), Beta2, 0.99));

    /// <inheritdoc/>
    public double StateBytesPerParameter => sizeof(float);

    /// <inheritdoc/>
    public double TemporaryBytesPerParameter => sizeof(float); // the direction

    /// <inheritdoc/>
    public double UsualRateFactor => 0.2; // 3 to 10 times smaller, section 5 of the paper

    /// <inheritdoc/>
    public bool CanShard => true;

    /// <inheritdoc/>
    public IOptimizer Create(FlatParameters parameters) => new Lion(parameters, this);
}
