using System.Globalization;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Compares how much samples differ from one another with how much the images of the data do.</summary>
/// <param name="data">Statistics of the training images.</param>
internal sealed class SpreadCheck(ImageStatistics data)
{
    private const int MinSamples = 8;
    private const double MinSpread = 1e-3; // of the data; images that are nearly the same have no spread to lose
    private const double Similar = 0.25;

    /// <summary>Checks samples.</summary>
    /// <param name="samples">Samples in [-1, 1], floating point <c>[N, C, H, W]</c>.</param>
    /// <param name="step">The number of optimizer steps taken.</param>
    /// <returns>A finding if the samples differ far less from one another than the images of the data; else null.</returns>
    public HealthFinding? Look(Tensor samples, long step)
    {
        if (samples.shape[0] < MinSamples || data.Images < MinSamples || data.Spread < MinSpread)
        {
            return null;
        }

        double ratio = SpreadOf(samples) / data.Spread;
        return ratio >= Similar ? null : new HealthFinding(
            FindingKind.SimilarSamples,
            step,
            string.Create(CultureInfo.InvariantCulture,
                $"The samples differ from one another by {ratio:0.##} times the variance of the data."),
            "All samples look alike. Usual causes are the same initial noise for each, a guidance scale that is too high, one class alone, "
                + "or a run that is still too short.",
            "Draw different noise for each sample, lower the guidance scale, ask for all classes, or train longer.")
        {
            Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["spread"] = ratio },
        };
    }

    // ImageStatistics.Spread of the samples
    private static double SpreadOf(Tensor samples)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        return samples.to(ScalarType.Float32).Between(-1, 1).var(0, unbiased: true).mean().ToHost().ToSingle();
    }
}
