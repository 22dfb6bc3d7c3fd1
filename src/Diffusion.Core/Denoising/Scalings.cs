namespace Diffusion;

/// <summary>
/// What a network is given and what it answers at one level. The answer F is <c>TargetClean * clean + TargetNoise * noise</c>, so that,
/// with x = alpha * clean + sigma * noise, the clean image is <c>Skip * x + Out * F</c> (Karras et al. 2022, equation 7) and the noise
/// <c>NoiseSkip * x + NoiseOut * F</c>.
/// </summary>
/// <remarks>
/// Both estimates come from the pair of targets, never from one another: nothing is divided by an alpha or a sigma that vanishes where the
/// answer itself says what is sought.
/// </remarks>
/// <param name="level">The level.</param>
/// <param name="targetClean">How much of the clean image the right answer holds.</param>
/// <param name="targetNoise">How much of the noise it holds.</param>
public readonly struct Scalings(NoiseLevel level, double targetClean, double targetNoise)
{
    /// <summary>The noise level.</summary>
    public NoiseLevel Level { get; } = level;

    /// <summary>How much of the clean image the right answer holds.</summary>
    public double TargetClean { get; } = targetClean;

    /// <summary>How much of the noise the right answer holds.</summary>
    public double TargetNoise { get; } = targetNoise;

    /// <summary>What the noisy image is multiplied by before the network sees it. Default 1.</summary>
    public double In { get; init; } = 1;

    /// <summary>What the network is told. Default: the level's own label.</summary>
    public double Label { get; init; } = level.Label;

    /// <summary>Whether the answer and the noisy image together determine the clean image and the noise.</summary>
    public bool IsSolvable => Determinant != 0;

    /// <summary>The share of the noisy image in the estimate of the clean one: c_skip.</summary>
    public double Skip => -TargetNoise / Determinant;

    /// <summary>The share of the answer in the estimate of the clean image: c_out.</summary>
    public double Out => Level.Sigma / Determinant;

    /// <summary>The share of the noisy image in the estimate of the noise.</summary>
    public double NoiseSkip => TargetClean / Determinant;

    /// <summary>The share of the answer in the estimate of the noise.</summary>
    public double NoiseOut => -Level.Alpha / Determinant;

    private double Determinant => (TargetClean * Level.Sigma) - (TargetNoise * Level.Alpha);
}
