namespace Diffusion.Training;

/// <summary>min(SNR, gamma) on the clean image.</summary>
internal sealed record MinSnrWeighting(double Gamma) : ILossWeighting
{
    public string Description => PartText.Of("min-snr", ("gamma", Gamma));

    public IParameterization Space => Parameterization.Sample;

    public double At(NoiseLevel level) => Math.Min(LossSpace.Snr(level), Gamma);
}
