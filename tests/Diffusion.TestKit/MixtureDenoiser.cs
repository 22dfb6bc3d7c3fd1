using TorchSharp;
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
        Tensor x = noisy.to(ScalarType.Float64); // Densities far from the data are too small for float32.

        // Read in x / sigma, which exists at pure noise too, where both parts get their prior weight.
        (double alpha, double sigma) = (level.Alpha, level.Sigma);
        Tensor total = zeros_like(x);
        Tensor clean = zeros_like(x);
        foreach ((double weight, double mean, double deviation) in Parts)
        {
            double variance = (alpha * alpha * deviation * deviation) + (sigma * sigma);
            Tensor away = x - (alpha * mean);
            Tensor density = weight / Math.Sqrt(variance) * (away.square() / (-2 * variance)).exp();
            total += density;
            clean += density * (mean + (alpha * deviation * deviation / variance * away));
        }

        clean /= total.clamp_min(1e-300);
        Tensor noise = (x - (alpha * clean)) / sigma;
        return new Estimate(clean.to(noisy.dtype).MoveToOuterDisposeScope(), noise.to(noisy.dtype).MoveToOuterDisposeScope());
    }

    public void Dispose() => network.Dispose();
}
