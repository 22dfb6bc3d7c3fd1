namespace Diffusion;

/// <summary>The network predicts the noise (Ho et al. 2020, equation 14).</summary>
internal sealed class EpsilonParameterization : IParameterization
{
    public string Description => "epsilon";

    public Scalings At(NoiseLevel level) => new(level, targetClean: 0, targetNoise: 1);
}
