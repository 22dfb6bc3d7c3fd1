namespace Diffusion.Training;

/// <summary>Every noise level counts the same.</summary>
internal sealed record UniformWeighting : ILossWeighting
{
    public string Description => "uniform";

    public double At(NoiseLevel level) => 1;
}
