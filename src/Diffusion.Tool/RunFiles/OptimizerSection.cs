using Diffusion.Training;

namespace Diffusion.Tool.RunFiles;

/// <summary>The optimizer. Its learning rate is <c>training.learningRate</c>. A number of null is that of the kind.</summary>
internal sealed class OptimizerSection
{
    /// <summary>Its kind. Default AdamW.</summary>
    public OptimizerKind Kind { get; set; } = OptimizerKind.AdamW;

    /// <summary>The weight decay, 0 or more.</summary>
    public double? WeightDecay { get; set; }

    /// <summary>The decay of the first moment.</summary>
    public double? Beta1 { get; set; }

    /// <summary>The decay of the second moment.</summary>
    public double? Beta2 { get; set; }

    /// <summary>What is added to the denominator, above 0. Lion and Muon have none.</summary>
    public double? Epsilon { get; set; }

    /// <summary>Muon only: the decay of its momentum.</summary>
    public double? Momentum { get; set; }

    /// <summary>
    /// Muon only: how many matrices a parameter consists of, by the pattern of its name. Empty for none; null for the usual ones.
    /// </summary>
    public IReadOnlyDictionary<string, int>? Fused { get; set; }

    /// <summary>Prodigy only: the decay of the sums behind its estimate.</summary>
    public double? Beta3 { get; set; }

    /// <summary>Prodigy only: its first estimate, above 0.</summary>
    public double? D0 { get; set; }

    /// <summary>Prodigy only: the factor of its estimate, above 0.</summary>
    public double? Coefficient { get; set; }

    /// <summary>Prodigy only: the largest factor by which its estimate grows in a step, above 1. Null for no limit.</summary>
    public double? GrowthRate { get; set; }

    /// <summary>Prodigy only: whether the first steps are corrected as in Adam. Null for true.</summary>
    public bool? BiasCorrection { get; set; }

    /// <summary>Prodigy only: whether the estimate disregards the learning rate of the run. Null for true.</summary>
    public bool? SafeguardWarmup { get; set; }

    /// <summary>The optimizer.</summary>
    public IOptimizerFactory Create() => Kind switch
    {
        OptimizerKind.Adam => Optimizers.Adam(WeightDecay ?? 0, Beta1 ?? Usual1, Beta2 ?? Usual2, Epsilon ?? UsualEpsilon),
        OptimizerKind.AdamW8Bit => Optimizers.AdamW8Bit(
            WeightDecay ?? UsualDecay, Beta1 ?? Usual1, Beta2 ?? Usual2, Epsilon ?? UsualEpsilon),
        OptimizerKind.Lion => Optimizers.Lion(WeightDecay ?? StrongDecay, Beta1 ?? Usual1, Beta2 ?? LionBeta2),
        OptimizerKind.Muon => Optimizers.Muon(
            WeightDecay ?? StrongDecay, Momentum ?? UsualMomentum, Beta1 ?? Usual1, Beta2 ?? Usual2, Fused),
        OptimizerKind.ScheduleFreeAdamW => Optimizers.ScheduleFreeAdamW(
            WeightDecay ?? UsualDecay, Beta1 ?? Usual1, Beta2 ?? Usual2, Epsilon ?? UsualEpsilon),

        // A run has a warm-up, which Prodigy's estimate must not see.
        OptimizerKind.Prodigy => Optimizers.Prodigy(
            WeightDecay ?? 0, Beta1 ?? Usual1, Beta2 ?? Usual2, Beta3, Epsilon ?? UsualEpsilon, D0 ?? UsualD0, Coefficient ?? 1,
            GrowthRate ?? double.PositiveInfinity, BiasCorrection ?? true, SafeguardWarmup ?? true),
        _ => Optimizers.AdamW(WeightDecay ?? UsualDecay, Beta1 ?? Usual1, Beta2 ?? Usual2, Epsilon ?? UsualEpsilon),
    };

    private const double UsualDecay = 0.01;
    private const double StrongDecay = 0.1;
    private const double Usual1 = 0.9;
    private const double Usual2 = 0.999;
    private const double LionBeta2 = 0.99;
    private const double UsualEpsilon = 1e-8;
    private const double UsualMomentum = 0.95;
    private const double UsualD0 = 1e-6;
}
