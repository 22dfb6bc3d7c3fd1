using System.Text.Json;
using Diffusion.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>The closed-form models of the recorded runs, as the README beside them defines them; it remembers what it was asked.</summary>
public sealed class TraceDenoiser(SamplerTrace trace, INoiseSchedule schedule) : IDenoiser, IDisposable
{
    private readonly ScriptedModel network = new((noisy, _, _) => noisy);

    private Denoiser? source;

    public Denoiser Source => source ??= new Denoiser(network, schedule);

    /// <summary>The images of each call.</summary>
    public List<Tensor> Asked { get; } = [];

    public Estimate Denoise(Tensor noisy, NoiseLevel level, Conditioning? conditioning = null)
    {
        Asked.Add(noisy.clone().DetachFromDisposeScope());
        (double alpha, double sigma) = (level.Alpha, level.Sigma);
        Tensor clean = trace.Text("model") == "gaussian" ? Gaussian(noisy, alpha, sigma) : Wiggle(noisy, alpha, sigma);
        Tensor raw = (noisy - (alpha * clean)) / sigma;
        bool thresholds = trace.Config("thresholding") is { ValueKind: JsonValueKind.True };
        bool clips = trace.Config("clip_sample") is { ValueKind: JsonValueKind.True };
        if (thresholds)
        {
            clean = SampleClipping.DynamicThreshold(trace.Config("dynamic_thresholding_ratio")!.Value.GetDouble(),
                trace.Config("sample_max_value")!.Value.GetDouble()).Apply(clean);
        }
        else if (clips)
        {
            double range = trace.Config("clip_sample_range")!.Value.GetDouble();
            clean = clean.clamp(-range, range);
        }

        // diffusers' DDIM keeps the noise of before clipping.
        Tensor noise = trace.Family == "ddim" ? raw : (noisy - (alpha * clean)) / sigma;
        return new Estimate(clean, noise)
        {
            Variance = trace.Text("learned_variance") switch
            {
                "learned_range" => 0.9 * (2 * noisy).sin(),
                "learned" => 0.01 * (1 + (0.5 * (2 * noisy).sin())),
                _ => null,
            },
        };
    }

    public void Dispose()
    {
        Asked.ForEach(tensor => tensor.Dispose());
        network.Dispose();
    }

    private static Tensor Gaussian(Tensor x, double alpha, double sigma)
    {
        Tensor mean = 0.6 * Waves(0.5, 1.3, 0.7, -0.45).cos();
        return mean + (alpha * 0.25 / ((alpha * alpha * 0.25) + (sigma * sigma)) * (x - (alpha * mean)));
    }

    private static Tensor Wiggle(Tensor x, double alpha, double sigma)
    {
        Tensor scaled = x / Math.Sqrt((alpha * alpha) + (sigma * sigma));
        double logSnr = Math.Clamp(2 * Math.Log(alpha / sigma), -20, 20);
        return Math.Cos(0.1 * logSnr) * ((0.7 * scaled) + (0.3 * (3 * scaled).sin()) + (0.25 * Waves(1, 1.7, 0.9, 0.4).sin())).tanh();
    }

    private static Tensor Waves(double constant, double byChannel, double byRow, double byColumn) =>
        constant + (byChannel * arange(3, ScalarType.Float64).reshape(3, 1, 1)) + (byRow * arange(4, ScalarType.Float64).reshape(1, 4, 1))
            + (byColumn * arange(4, ScalarType.Float64).reshape(1, 1, 4));
}
