using System.Globalization;

namespace Diffusion;

/// <summary>EDM's preconditioning (Karras et al. 2022, table 1), in the variance-exploding scaling x / alpha.</summary>
/// <param name="dataDeviation">The standard deviation of the clean images, sigma_data.</param>
/// <param name="isNegative">Whether the network predicts the opposite, which diffusers' EDM classes call v_prediction.</param>
internal sealed class EdmParameterization(double dataDeviation, bool isNegative = false) : IParameterization
{
    /// <summary>The standard deviation of the clean images.</summary>
    public double DataDeviation => dataDeviation;

    /// <summary>Whether the network predicts the opposite.</summary>
    public bool IsNegative => isNegative;

    public string Description => string.Create(
        CultureInfo.InvariantCulture, $"edm(sigma-data: {dataDeviation}{(isNegative ? ", negative" : string.Empty)})");

    public Scalings At(NoiseLevel level)
    {
        double sigma = level.Ratio;
        double total = Math.Sqrt((sigma * sigma) + (dataDeviation * dataDeviation));
        double sign = isNegative ? -1 : 1;

        // F = (clean - c_skip * (clean + sigma * noise)) / c_out, c_skip = data^2 / total^2 and c_out = sigma * data / total.
        return new Scalings(level, sign * sigma / (dataDeviation * total), -sign * dataDeviation / total)
        {
            In = 1 / (total * level.Alpha),
            Label = Math.Log(sigma) / 4,
        };
    }
}
