using Diffusion.Training;

namespace Diffusion.Tool.RunFiles;

/// <summary>The optimizer. Its learning rate is <c>training.learningRate</c>.</summary>
internal sealed class OptimizerSection
{
    /// <summary>Its kind. Default AdamW.</summary>
    public OptimizerKind Kind { get; set; } = OptimizerKind.AdamW;

    /// <summary>Default null: that of the kind.</summary>
    public double? WeightDecay { get; set; }

    /// <summary>Default null: that of the kind.</summary>
    public double? Beta1 { get; set; }

    /// <summary>Default null: that of the kind.</summary>
    public double? Beta2 { get; set; }

    /// <summary>The optimizer.</summary>
    public IOptimizerFactory Create() => Kind switch
    {
        OptimizerKind.Adam => Optimizers.Adam(WeightDecay ?? 0, Beta1 ?? Usual1, Beta2 ?? Usual2),
        OptimizerKind.AdamW8Bit => Optimizers.AdamW8Bit(WeightDecay ?? UsualDecay, Beta1 ?? Usual1, Beta2 ?? Usual2),
        OptimizerKind.Lion => Optimizers.Lion(WeightDecay ?? StrongDecay, Beta1 ?? Usual1, Beta2 ?? LionBeta2),
        OptimizerKind.Muon => Optimizers.Muon(WeightDecay ?? StrongDecay, beta1: Beta1 ?? Usual1, beta2: Beta2 ?? Usual2),
        OptimizerKind.ScheduleFreeAdamW => Optimizers.ScheduleFreeAdamW(
            WeightDecay ?? UsualDecay, Beta1 ?? Usual1, Beta2 ?? Usual2),

        // A run has a warm-up, which Prodigy's estimate must not see.
        OptimizerKind.Prodigy => Optimizers.Prodigy(
            WeightDecay ?? 0, Beta1 ?? Usual1, Beta2 ?? Usual2, biasCorrection: true, safeguardWarmup: true),
        _ => Optimizers.AdamW(WeightDecay ?? UsualDecay, Beta1 ?? Usual1, Beta2 ?? Usual2),
    };

    private const double UsualDecay = 0.01;
    private const double StrongDecay = 0.1;
    private const double Usual1 = 0.9;
    private const double Usual2 = 0.999;
    private const double LionBeta2 = 0.99;
}
