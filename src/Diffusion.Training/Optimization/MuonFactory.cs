using System.Globalization;

namespace Diffusion.Training;

/// <summary>Muon (Jordan 2024), scaled for the learning rate of AdamW (Liu et al. 2025).</summary>
internal sealed record MuonFactory : IOptimizerFactory
{
    /// <summary>Weight decay, multiplied by the learning rate. Default 0.1.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>The decay of Muon's momentum, in [0, 1). Default 0.95.</summary>
    public double Momentum { get; init; } = 0.95;

    /// <summary>The decay of AdamW's first moment, in [0, 1). Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The decay of AdamW's second moment, in [0, 1). Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>The number of matrices in a parameter, by the pattern of its name.</summary>
    public IReadOnlyDictionary<string, int> Fused { get; init; } = MuonMatrices.UsualFused;

    /// <inheritdoc/>
    public string Description => string.Create(
        CultureInfo.InvariantCulture,
        $"muon(weightDecay: {WeightDecay:R}, momentum: {Momentum:R}, beta1: {Beta1:R}, beta2: {Beta2:R}, fused: {FusedText})");

    /// <inheritdoc/>
    public IReadOnlyList<string> Problems =>
    [
        .. OptimizerProblems.Of(
            "Muon",
            OptimizerProblems.Decay(WeightDecay, 0.1),
            OptimizerProblems.Beta(nameof(Momentum), Momentum, 0.95),
            OptimizerProblems.Beta(nameof(Beta1), Beta1, 0.9),
            OptimizerProblems.Beta(nameof(Beta2), Beta2, 0.999)),
        .. Fused.Where(each => each.Value < 2).Select(each =>
            $"Muon's fused projection '{each.Key}' ({each.Value}) must consist of at least 2 matrices. Use 3 for queries, keys and values, "
            + "or leave it out."),
    ];

    /// <inheritdoc/>
    public double StateBytesPerParameter => sizeof(float); // and as much again for the few parameters that AdamW trains

    /// <summary>The numbers of AdamW.</summary>
    public AdamSettings Settings => new(WeightDecay, Beta1, Beta2, Epsilon: 1e-8, IsDecoupled: true);

    private string FusedText => string.Join(' ', Fused.OrderBy(each => each.Key, StringComparer.Ordinal)
        .Select(each => string.Create(CultureInfo.InvariantCulture, $"{each.Key}={each.Value}")));

    /// <inheritdoc/>
    public IOptimizer Create(FlatParameters parameters) => new Muon(parameters, this);
}
