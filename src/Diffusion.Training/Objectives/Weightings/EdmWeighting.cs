namespace Diffusion.Training;

/// <summary>(sigma^2 + sigma_data^2) / (sigma sigma_data)^2 on the clean image.</summary>
internal sealed record EdmWeighting(double DataDeviation) : ILossWeighting
{
    public string Description => PartText.Of("edm", ("sigma-data", DataDeviation));

    public IParameterization Space => Parameterization.Sample;

    public double At(NoiseLevel level) => LossSpace.Snr(level) + (1 / (DataDeviation * DataDeviation));
}
