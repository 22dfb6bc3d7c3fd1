namespace Diffusion.Training;

/// <summary>SNR gamma / (SNR + gamma) on the clean image.</summary>
internal sealed record SoftMinSnrWeighting(double Gamma) : ILossWeighting
{
    public string Description => PartText.Of("soft-min-snr", ("gamma", Gamma));

    public IParameterization Space => Parameterization.Sample;

    public double At(NoiseLevel level) => LossSpace.Snr(level) * Gamma / (LossSpace.Snr(level) + Gamma);
}
