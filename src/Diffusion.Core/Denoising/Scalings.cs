using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// What a network receives and predicts at one level. The prediction F is <c>TargetClean * clean + TargetNoise * noise</c>, so that,
/// with x = alpha * clean + sigma * noise, the clean image is <c>Skip * x + Out * F</c> (Karras et al. 2022, equation 7) and the noise
/// <c>NoiseSkip * x + NoiseOut * F</c>.
/// </summary>
/// <remarks>
/// Both estimates come from the pair of targets, not from each other, so that nothing is divided by an alpha or sigma of 0 where the
/// prediction itself is the estimate.
/// </remarks>
/// <param name="level">The level.</param>
/// <param name="targetClean">The factor of the clean image in the target.</param>
/// <param name="targetNoise">The factor of the noise in the target.</param>
public readonly struct Scalings(NoiseLevel level, double targetClean, double targetNoise)
{
    /// <summary>The noise level.</summary>
    public NoiseLevel Level { get; } = level;

    /// <summary>The factor of the clean image in the target.</summary>
    public double TargetClean { get; } = targetClean;

    /// <summary>The factor of the noise in the target.</summary>
    public double TargetNoise { get; } = targetNoise;

    /// <summary>The factor by which the noisy image is multiplied for the network. Default 1.</summary>
    public double In { get; init; } = 1;

    /// <summary>The label that the network receives. Default: the level's own label.</summary>
    public double Label { get; init; } = level.Label;

    /// <summary>
    /// Whether the network gets a finite input and label, and its prediction and the noisy image together determine the clean image and the
    /// noise.
    /// </summary>
    public bool IsSolvable => IsDefined && double.IsFinite(Determinant) && Determinant != 0;

    /// <summary>The factor of the noisy image in the estimate of the clean one: c_skip.</summary>
    public double Skip => -TargetNoise / Determinant;

    /// <summary>The factor of the prediction in the estimate of the clean image: c_out.</summary>
    public double Out => Level.Sigma / Determinant;

    /// <summary>The factor of the noisy image in the estimate of the noise.</summary>
    public double NoiseSkip => TargetClean / Determinant;

    /// <summary>The factor of the prediction in the estimate of the noise.</summary>
    public double NoiseOut => -Level.Alpha / Determinant;

    /// <summary>
    /// The labels of several images, <c>[B]</c>: int64 if all are whole numbers, which are timesteps, else float32. They belong to the
    /// caller.
    /// </summary>
    internal static Tensor LabelsOf(IReadOnlyList<Scalings> scalings, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor labels = scalings.All(s => double.IsInteger(s.Label))
            ? tensor([.. scalings.Select(s => (long)s.Label)], ScalarType.Int64)
            : tensor([.. scalings.Select(s => (float)s.Label)], ScalarType.Float32);
        return labels.SendTo(device).MoveToOuterDisposeScope();
    }

    /// <summary>Why the scalings are not <see cref="IsSolvable"/>, and what to do; null if they are.</summary>
    /// <param name="prediction">What the network predicts.</param>
    internal string? Problem(string prediction) => IsSolvable ? null
        : Level.Alpha > 0
            ? $"The noise level's sigma is {Level.Sigma}, but must be above 0 for a network that predicts {prediction}: there is no noise "
                + "to estimate in a clean image."
        : IsDefined
            ? $"The noise level's alpha is {Level.Alpha}, but must be above 0 for a network that predicts noise: pure noise holds no "
                + "image. Use velocity or sample prediction with such a schedule."
            : $"The noise level's alpha is {Level.Alpha}, but must be above 0 for a network that predicts {prediction}: its input is "
                + "divided by alpha, and its label is a logarithm of sigma / alpha. Use velocity or sample prediction with such a "
                + "schedule, or a grid that starts below pure noise.";

    private bool IsDefined => double.IsFinite(In) && double.IsFinite(Label);

    private double Determinant => (TargetClean * Level.Sigma) - (TargetNoise * Level.Alpha);
}
