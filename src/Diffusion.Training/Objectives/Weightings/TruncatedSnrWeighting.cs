namespace Diffusion.Training;

/// <summary>max(SNR, 1) on the clean image.</summary>
internal sealed record TruncatedSnrWeighting : ILossWeighting
{
    public string Description => "truncated-snr";

    public IParameterization Space => Parameterization.Sample;

    public double At(NoiseLevel level) => Math.Max(LossSpace.Snr(level), 1);
}
