namespace Diffusion.Training;

/// <summary>The numbers of Adam and AdamW.</summary>
/// <param name="WeightDecay">The weight decay of the segments that decay.</param>
/// <param name="Beta1">The decay of the first moment.</param>
/// <param name="Beta2">The decay of the second moment.</param>
/// <param name="Epsilon">Added to the denominator.</param>
/// <param name="IsDecoupled">
/// Whether the weights decay by themselves (AdamW, Loshchilov and Hutter 2019), or the decay is part of the gradient (Adam).
/// </param>
internal sealed record AdamSettings(double WeightDecay, double Beta1, double Beta2, double Epsilon, bool IsDecoupled)
{
    /// <summary>Every impossible value, each with its remedy.</summary>
    /// <param name="optimizer">The name of the optimizer.</param>
    public IReadOnlyList<string> Problems(string optimizer) => OptimizerProblems.Of(
        optimizer,
        OptimizerProblems.Decay(WeightDecay, 0.01),
        OptimizerProblems.Beta(nameof(Beta1), Beta1, 0.9),
        OptimizerProblems.Beta(nameof(Beta2), Beta2, 0.999),
        OptimizerProblems.Positive(nameof(Epsilon), Epsilon, 1e-8));
}
