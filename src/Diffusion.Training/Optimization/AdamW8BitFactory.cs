namespace Diffusion.Training;

/// <summary>AdamW with moments of one byte (Dettmers et al. 2022).</summary>
internal sealed record AdamW8BitFactory : IOptimizerFactory
{
    /// <summary>Weight decay, multiplied by the learning rate. Default 0.01.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Decay of the first moment, in [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator. Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    public string Description => PartText.Of(
        "adamw-8bit", ("weightDecay", WeightDecay), ("beta1", Beta1), ("beta2", Beta2), ("epsilon", Epsilon));

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems => Settings.Problems("AdamW8Bit");

    /// <inheritdoc/>
    public double StateBytesPerParameter => 2 * (1 + ((double)sizeof(float) / FlatLayout.Alignment));

    private AdamSettings Settings => new(WeightDecay, Beta1, Beta2, Epsilon, IsDecoupled: true);

    /// <inheritdoc/>
    public bool CanShard => true;

    /// <inheritdoc/>
    public IOptimizer Create(FlatParameters parameters) => new AdamW8Bit(parameters, Settings);
}
