using System.Globalization;
using Diffusion.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>
/// Compares the fine detail of samples with that of the data: noise that is left in samples adds detail, and blur removes it.
/// </summary>
/// <param name="data">Statistics of the training images.</param>
/// <param name="options">The options of the run.</param>
internal sealed class DetailCheck(ImageStatistics data, TrainingOptions options)
{
    private const int MinSamples = 8;
    private const int MinSide = 8;
    private const double MinDetail = 1e-5; // of the data; images with less have no detail to lose
    private const double Noisy = 2.5;
    private const double Blurry = 0.35;

    /// <summary>Checks samples.</summary>
    /// <param name="samples">Samples in [-1, 1], floating point <c>[N, C, H, W]</c>.</param>
    /// <param name="step">The number of optimizer steps taken.</param>
    /// <param name="rollbacks">How often the run has rolled back.</param>
    /// <returns>A finding if the samples have far more or far less detail than the data; else null.</returns>
    public HealthFinding? Look(Tensor samples, long step, int rollbacks)
    {
        if (samples.shape[0] < MinSamples || data.Images < MinSamples || Math.Min(samples.shape[2], samples.shape[3]) < MinSide
            || data.Detail < MinDetail)
        {
            return null;
        }

        double ratio = DetailOf(samples) / data.Detail;
        return ratio > Noisy ? Finding(FindingKind.NoisySamples, ratio, step,
                "Noise is left in the samples. Usual causes are a run that is still too short, a learning rate that is too high, weights "
                    + "that are not averaged, or a sampler with too few steps.",
                "Sample with more steps and with the averaged weights. If the noise stays, train longer, or lower "
                    + $"{Rate(rollbacks).Lower}.")
            : ratio < Blurry ? Finding(FindingKind.BlurrySamples, ratio, step,
                "The samples are blurry. Usual causes are a run that is still too short, a learning rate that is too low, or averaged "
                    + "weights that lag behind.",
                $"Train longer{(Rate(rollbacks).Higher is { } higher ? $", raise {higher}" : string.Empty)}, or average over fewer steps.")
            : null;
    }

    private RateAdvice Rate(int rollbacks) => new(options.BatchSize, options.LearningRate.Peak, rollbacks);

    private static HealthFinding Finding(FindingKind kind, double ratio, long step, string meaning, string remedy) => new(
        kind, step,
        string.Create(CultureInfo.InvariantCulture, $"The samples have {ratio:0.##} times the fine detail of the data."),
        meaning, remedy)
    {
        Figures = new Dictionary<string, double>(StringComparer.Ordinal) { ["detail"] = ratio },
    };

    // ImageStatistics.Detail of the samples
    private static double DetailOf(Tensor samples)
    {
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = samples.to(ScalarType.Float32).Between(-1, 1); // [N, C, H, W]
        (long height, long width) = (samples.shape[2] - 2, samples.shape[3] - 2);
        Tensor neighbors = Part(0, 1).Plus(Part(2, 1)).Plus(Part(1, 0)).Plus(Part(1, 2)).DividedBy(4);
        return Part(1, 1).sub(neighbors).Squared().mean().ToHost().ToSingle();

        Tensor Part(long y, long x) => pixels.narrow(2, y, height).narrow(3, x, width); // [N, C, H - 2, W - 2]
    }
}
