using System.Globalization;

namespace Diffusion;

/// <summary>EDM's preconditioning (Karras et al. 2022, table 1), in the variance-exploding scaling x / alpha.</summary>
/// <param name="dataDeviation">The standard deviation of the clean images, sigma_data.</param>
internal sealed class EdmParameterization(double dataDeviation) : IParameterization
{
    public string Description => string.Create(CultureInfo.InvariantCulture, $"edm(sigma-data: {dataDeviation})");

    public Scalings At(NoiseLevel level)
    {
        double sigma = level.Ratio;
        double total = Math.Sqrt((sigma * sigma) + (dataDeviation * dataDeviation));

        // F = (clean - c_skip * (clean + sigma * noise)) / c_out, c_skip = data^2 / total^2 and c_out = sigma * data / total.
        return new Scalings(level, sigma / (dataDeviation * total), -dataDeviation / total)
        {
            In = 1 / (total * level.Alpha),
            Label = Math.Log(sigma) / 4,
        };
    }
}
