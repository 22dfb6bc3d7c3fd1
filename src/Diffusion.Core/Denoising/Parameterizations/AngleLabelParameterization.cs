namespace Diffusion;

/// <summary>Another parameterization whose label is atan(sigma / alpha) * 2 / pi, from 0 for a clean image to 1 for pure noise.</summary>
/// <param name="inner">The other parameterization.</param>
internal sealed class AngleLabelParameterization(IParameterization inner) : IParameterization
{
    public string Description => $"{inner.Description} with angles as labels";

    public Scalings At(NoiseLevel level) => inner.At(level) with { Label = Math.Atan(level.Ratio) * 2 / Math.PI };
}
