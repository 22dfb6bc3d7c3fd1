namespace Diffusion.Training;

/// <summary>SNR / (k + SNR)^gamma on the clean image.</summary>
internal sealed record P2Weighting(double Gamma, double K) : ILossWeighting
{
    public string Description => PartText.Of("p2", ("gamma", Gamma), ("k", K));

    public IParameterization Space => Parameterization.Sample;

    public double At(NoiseLevel level) => LossSpace.Snr(level) / Math.Pow(K + LossSpace.Snr(level), Gamma);
}
