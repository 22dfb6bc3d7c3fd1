namespace Diffusion.Training;

/// <summary>SNR sigmoid(bias - log SNR) on the clean image.</summary>
internal sealed record SigmoidWeighting(double Bias) : ILossWeighting
{
    public string Description => PartText.Of("sigmoid", ("bias", Bias));

    public IParameterization Space => Parameterization.Sample;

    public double At(NoiseLevel level) => LossSpace.Snr(level) / (1 + (Math.Exp(-Bias) * LossSpace.Snr(level)));
}
