namespace Diffusion.Tool.RunFiles;

/// <summary>AdamW. Its learning rate is <c>training.learningRate</c>.</summary>
internal sealed class OptimizerSection
{
    /// <summary>Default 0.01.</summary>
    public double WeightDecay { get; set; } = 0.01;

    /// <summary>Default 0.9.</summary>
    public double Beta1 { get; set; } = 0.9;

    /// <summary>Default 0.999.</summary>
    public double Beta2 { get; set; } = 0.999;
}
