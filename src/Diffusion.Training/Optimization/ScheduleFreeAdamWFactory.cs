namespace Diffusion.Training;

/// <summary>Schedule-free AdamW (Defazio et al. 2024).</summary>
internal sealed record ScheduleFreeAdamWFactory : IOptimizerFactory
{
    /// <summary>Weight decay at y, multiplied by the learning rate. Default 0.01.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>The share of the average in y, in (0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator. Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    public string Description => PartText.Of(
        "schedule-free-adamw", ("weightDecay", WeightDecay), ("beta1", Beta1), ("beta2", Beta2), ("epsilon", Epsilon));

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => OptimizerProblems.Of(
        "ScheduleFreeAdamW",
        OptimizerProblems.Decay(WeightDecay, 0.01),
        OptimizerProblems.Check(nameof(Beta1), Beta1, Beta1 is > 0 and < 1, "above 0 and below 1", 0.9),
        OptimizerProblems.Beta(nameof(Beta2), Beta2, 0.999),
        OptimizerProblems.Positive(nameof(Epsilon), Epsilon, 1e-8));

    /// <inheritdoc/>
    public bool AveragesWeights => true;

    /// <inheritdoc/>
    public double TemporaryBytesPerParameter => 2 * sizeof(float); // the moved weights and what is added to them

    /// <inheritdoc/>
    public bool CanShard => true;

    /// <inheritdoc/>
    public IOptimizer Create(FlatParameters parameters) => new ScheduleFreeAdamW(parameters, this);
}
