using System.Globalization;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Compares the colours of samples with those of the data.</summary>
internal sealed class ColorCheck(ImageStatistics data)
{
    private const int MinSamples = 8;
    private const double LeastShift = 0.15;
    private const double Significance = 4;
    private const double LeastContrast = 0.5;
    private const double MaxContrast = 1.6;

    /// <summary>Looks at samples.</summary>
    /// <param name="samples">In [-1, 1], floating point <c>[N, C, H, W]</c>.</param>
    /// <param name="step">Optimizer steps made.</param>
    /// <returns>Where they differ from the data by more than chance; null where they do not, or are too few to tell.</returns>
    public HealthFinding? Look(Tensor samples, long step)
    {
        if (samples.dim() != 4 || samples.shape[1] != data.Means.Count)
        {
            throw new ArgumentException(
                $"Samples are [{string.Join(", ", samples.shape)}], but must be [N, {data.Means.Count}, H, W] as the data is.",
                    nameof(samples));
        }

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
        bool isShifted = Math.Abs(shift) > Math.Max(LeastShift, chance);
        if (!isShifted && contrast is >= LeastContrast and <= MaxContrast)
        {
            return null;
        }

        return new HealthFinding(
            FindingKind.ColorShift,
            step,
            string.Create(CultureInfo.InvariantCulture,
                $"The mean of channel {channel} of {count} samples is {means[channel]:F2}, of the data {data.Means[channel]:F2}; their "
                    + $"contrast is {contrast:F2} times the data's."),
            "The averaged weights lag behind in a short run, the schedule's last timestep keeps some of the image, or the images are "
                + "scaled in another way.",
            "Train longer, or use a lower EmaDecay; use the Cosine schedule; sample with the weights, schedule and prediction type of "
                + "the training.")
        {
            Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["shift"] = shift, ["contrast"] = contrast },
        };
    }

    private static double[] Numbers(Tensor tensor) => [.. tensor.cpu().data<float>().ToArray().Select(value => (double)value)];
}
