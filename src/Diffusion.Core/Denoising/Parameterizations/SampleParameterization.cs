namespace Diffusion;

/// <summary>The network predicts the clean image, x0.</summary>
internal sealed class SampleParameterization : IParameterization
{
    public string Description => "sample";

    public Scalings At(NoiseLevel level) => new(level, targetClean: 1, targetNoise: 0);
}
