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
        return Estimated(noisy, level);
    }

    /// <summary>The estimate, without remembering the call.</summary>
    public Estimate Estimated(Tensor noisy, NoiseLevel level)
    {
        (double alpha, double sigma) = (level.Alpha, level.Sigma);
        Tensor raw = trace.Family switch
        {
            "ddim_inverse" => AskedAtLabel(noisy, level),
            "sde_ve" => AskedBeside(noisy, sigma),
            _ => Clean(noisy, alpha, sigma),
        };
        Tensor clean = Limited(raw);
        if (trace.Family == "lcm")
        {
            clean = WithBoundary(clean, noisy, level.Time * trace.Number("timestep_scaling"));
        }

        // diffusers' DDIM keeps the noise of before clipping unless it is told to derive it again; RePaint always does.
        bool keepsNoise = trace.Family == "repaint" || (trace.Family == "ddim" && !trace.ArgumentFlag("use_clipped_model_output"));
        Tensor kept = keepsNoise ? raw : clean;
        Tensor noise = sigma == 0 ? AskedNoiseAtLabel(noisy, level) : (noisy - (alpha * kept)) / sigma;
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

    private static Tensor WithBoundary(Tensor clean, Tensor noisy, double time)
    {
        const double data = 0.5;
        double size = (time * time) + (data * data);
        return (data * data / size * noisy) + (time / Math.Sqrt(size) * clean);
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

    private Tensor Clean(Tensor noisy, double alpha, double sigma) =>
        trace.Text("model") == "gaussian" ? Gaussian(noisy, alpha, sigma) : Wiggle(noisy, alpha, sigma);

    private Tensor Limited(Tensor clean)
    {
        if (trace.Flag("thresholding"))
        {
            return SampleClipping.DynamicThreshold(trace.Number("dynamic_thresholding_ratio"), trace.Number("sample_max_value"))
                .Apply(clean);
        }

        bool clips = trace.Family != "tcd" && (trace.Flag("clip_sample") || trace.Flag("clip_denoised"));
        double range = trace.Number("clip_sample_range", 1);
        return clips ? clean.clamp(-range, range) : clean;
    }

    // The network is told the level of the label; what it returns is read at the level of the images.
    private Tensor AskedAtLabel(Tensor noisy, NoiseLevel level)
    {
        NoiseLevel told = TraceLevels.At(trace, level.Label);
        Tensor clean = Clean(noisy, told.Alpha, told.Sigma);
        Tensor noise = (noisy - (told.Alpha * clean)) / told.Sigma;
        (double alpha, double sigma) = (level.Alpha, level.Sigma);
        return trace.Text("output_kind") switch
        {
            "epsilon" => (noisy - (sigma * noise)) / alpha,
            "sample" => clean,
            _ => (alpha * noisy) - (sigma * ((told.Alpha * noise) - (told.Sigma * clean))),
        };
    }

    // At the clean image only the network's output says what the noise is.
    private Tensor AskedNoiseAtLabel(Tensor noisy, NoiseLevel level)
    {
        NoiseLevel told = TraceLevels.At(trace, level.Label);
        Tensor clean = Clean(noisy, told.Alpha, told.Sigma);
        Tensor noise = (noisy - (told.Alpha * clean)) / told.Sigma;
        return trace.Text("output_kind") == "epsilon" ? noise : (told.Alpha * noise) - (told.Sigma * clean);
    }

    // The network of score-SDE is told a sigma that differs a little from the one of the step.
    private Tensor AskedBeside(Tensor noisy, double sigma)
    {
        double[] steps = [.. trace.Numbers("discrete_sigmas").Reverse()];
        double told = trace.Numbers("sigmas")[Array.IndexOf(steps, sigma)];
        return noisy + (sigma * sigma / (told * told) * (Clean(noisy, 1, told) - noisy));
    }
}
