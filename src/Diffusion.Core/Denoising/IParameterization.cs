namespace Diffusion;

/// <summary>
/// What a network receives and predicts; the target is <c>clean * Scalings.TargetClean + noise * Scalings.TargetNoise</c>. The
/// built-in ones are values of <see cref="Parameterization"/>.
/// </summary>
public interface IParameterization
{
    /// <summary>Name and parameters in one line, saved in checkpoints.</summary>
    string Description { get; }

    /// <summary>The scalings at a level.</summary>
    /// <param name="level">Any level.</param>
    Scalings At(NoiseLevel level);
}
