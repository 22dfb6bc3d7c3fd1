using System.Globalization;

namespace Diffusion;

/// <summary>
/// A consistency model (Song et al. 2023, appendix C): EDM's preconditioning, but the estimate at the least sigma is the noisy image
/// itself. The label is 250 ln(sigma).
/// </summary>
/// <param name="dataDeviation">The standard deviation of the clean images, sigma_data.</param>
/// <param name="minSigma">The least sigma, where the network has no effect.</param>
internal sealed class ConsistencyParameterization(double dataDeviation, double minSigma) : IParameterization
{
    // At the least sigma the factor of the prediction is 0, so that no target would be defined. It is kept a little above.
    private const double Least = 1e-12;

    public string Description =>
        string.Create(CultureInfo.InvariantCulture, $"consistency(sigma-data: {dataDeviation}, sigma-min: {minSigma})");

    public Scalings At(NoiseLevel level)
    {
        double sigma = level.Ratio;
        double above = Math.Max(sigma - minSigma, Least * sigma);
        double total = Math.Sqrt((sigma * sigma) + (dataDeviation * dataDeviation));
        double size = (above * above) + (dataDeviation * dataDeviation);
        double skip = dataDeviation * dataDeviation / size;
        double scale = above * dataDeviation / total;

        // F = (clean - skip * (clean + sigma * noise)) / scale.
        return new Scalings(level, above * above / size / scale, -skip * sigma / scale)
        {
            In = 1 / (total * level.Alpha),
            Label = 250 * Math.Log(sigma),
        };
    }
}
