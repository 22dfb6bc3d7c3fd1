using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Diffusion.TestKit;

/// <summary>
/// The optimal denoiser for pixels drawn from a mixture of two normal distributions, in float64: smooth and nonlinear, with a flow that a
/// program in plain numbers solves to the last digits.
/// </summary>
public sealed class MixtureDenoiser(INoiseSchedule schedule) : IDenoiser, IDisposable
{
    private static readonly (double Weight, double Mean, double Deviation)[] Parts = [(0.4, -0.8, 0.35), (0.6, 0.7, 0.25)];

    private readonly ScriptedModel network = new((noisy, _, _) => noisy);

    private Denoiser? source;

    public Denoiser Source => source ??= new Denoiser(network, schedule);

    public int Calls { get; private set; }

    /// <summary>The noise of a pixel of x / alpha at a sigma / alpha.</summary>
    public static double NoiseOf(double pixel, double ratio)
    {
        (double total, double clean) = (0, 0);
        foreach ((double weight, double mean, double deviation) in Parts)
        {
            double variance = (deviation * deviation) + (ratio * ratio);
            double density = weight / Math.Sqrt(variance) * Math.Exp(-(pixel - mean) * (pixel - mean) / (2 * variance));
            total += density;
            clean += density * (mean + (deviation * deviation / variance * (pixel - mean)));
        }

        return (pixel - (clean / total)) / ratio;
    }

    public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        Calls++;
        using DisposeScope scope = NewDisposeScope();
        using TensorAccessor<double> values = noisy.to(ScalarType.Float64).contiguous().data<double>();
        double[] x = values.ToArray();
        double[] clean = new double[x.Length];
        double[] noise = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            clean[i] = CleanOf(x[i], level.Alpha, level.Sigma);
            noise[i] = (x[i] - (level.Alpha * clean[i])) / level.Sigma;
        }

        return new Estimate(Shaped(clean, noisy), Shaped(noise, noisy));
    }

    public void Dispose() => network.Dispose();

    // In float64, as densities far from the data are too small for float32. Of the pixel itself, not of x / alpha: at pure noise both
    // parts get their prior weight.
    private static double CleanOf(double x, double alpha, double sigma)
    {
        (double total, double clean) = (0, 0);
        foreach ((double weight, double mean, double deviation) in Parts)
        {
            double variance = (alpha * alpha * deviation * deviation) + (sigma * sigma);
            double away = x - (alpha * mean);
            double density = weight / Math.Sqrt(variance) * Math.Exp(away * away / (-2 * variance));
            total += density;
            clean += density * (mean + (alpha * deviation * deviation / variance * away));
        }

        return clean / Math.Max(total, 1e-300);
    }

    private static Tensor Shaped(double[] values, Tensor like) =>
        tensor(values, like.shape, ScalarType.Float64).to(like.dtype).MoveToOuterDisposeScope();
}
