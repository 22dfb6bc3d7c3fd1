using System.Globalization;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Compares the colors of samples with those of the data.</summary>
internal sealed class ColorCheck(ImageStatistics data)
{
    private const int MinSamples = 8;
    private const double MinShift = 0.15;
    private const double Significance = 4;
    private const double MinContrast = 0.5;
    private const double MaxContrast = 1.6;

    /// <summary>Checks samples.</summary>
    /// <param name="samples">Samples in [-1, 1], floating point <c>[N, C, H, W]</c>.</param>
    /// <param name="step">The number of optimizer steps taken.</param>
    /// <returns>
    /// A finding if the samples differ from the data by more than chance; null if they do not, or if there are too few to tell.
    /// </returns>
    public HealthFinding? Look(Tensor samples, long step)
    {
        int count = (int)samples.shape[0];
        if (count < MinSamples || data.Images < MinSamples)
        {
            return null;
        }

        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = samples.to(ScalarType.Float32).Between(-1, 1).transpose(0, 1).flatten(1); // [C, N * H * W]
        double[] means = Numbers(pixels.mean([1]));
        double[] deviations = Numbers(pixels.std(1));
        int channel = Enumerable.Range(0, means.Length).MaxBy(each => Math.Abs(means[each] - data.Means[each]));
        double shift = means[channel] - data.Means[channel];
        double chance = Significance * data.DeviationsOfMeans[channel] * Math.Sqrt((1.0 / count) + (1.0 / data.Images));
        double contrast = deviations.Average() / Math.Max(1e-3, data.Deviations.Average());
        bool isShifted = Math.Abs(shift) > Math.Max(MinShift, chance);
        if (!isShifted && contrast is >= MinContrast and <= MaxContrast)
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.ColorShift,
            step,
            string.Create(CultureInfo.InvariantCulture,
                $"The mean of channel {channel} is {means[channel]:F2} in {count} samples and {data.Means[channel]:F2} in the data. The "
                    + $"contrast of the samples is {contrast:F2} times that of the data."),
            "Usual causes are averaged weights that lag behind in a short run, a schedule whose last timestep keeps some of the image, "
                + "or a different scaling of the images.",
            "Train longer or average over fewer steps; use the Cosine schedule; or sample with the weights, schedule and prediction "
                + "type of the training run.")
        {
            Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["shift"] = shift, ["contrast"] = contrast },
        };
    }

    private static double[] Numbers(Tensor tensor) => [.. tensor.ToHost().data<float>().ToArray().Select(value => (double)value)];
}
