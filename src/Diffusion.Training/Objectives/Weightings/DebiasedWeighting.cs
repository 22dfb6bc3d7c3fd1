namespace Diffusion.Training;

/// <summary>sqrt(SNR) on the clean image.</summary>
internal sealed record DebiasedWeighting : ILossWeighting
{
    public string Description => "debiased";

    public IParameterization Space => Parameterization.Sample;

    public double At(NoiseLevel level) => level.Alpha / level.Sigma;
}
