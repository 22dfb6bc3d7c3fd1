using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Runs a network once before it has learned anything, and finds outputs that are far from their targets.</summary>
internal static class NetworkWarnings
{
    private const int MaxImages = 4;
    private const double MaxOutput = 10;

    /// <summary>Returns a warning with reason and remedy for unusual outputs; usually empty.</summary>
    /// <param name="denoiser">The network at the start of training.</param>
    /// <param name="shape">The shape of an image.</param>
    /// <param name="microBatchSize">The number of images that fit in memory at once; at most four are used.</param>
    public static IReadOnlyList<TrainingWarning> Of(Denoiser denoiser, ImageShape shape, int microBatchSize)
    {
        double size = SizeOfOutputs(denoiser, shape, Math.Min(microBatchSize, MaxImages));
        return !double.IsFinite(size) ? [
            Warn($"its outputs are infinite or NaN before the first step. Check its weights and its divisions.")]
            : size > MaxOutput ? [
                Warn($"its outputs have a standard deviation of {size:G3} before the first step, but their targets have about 1: "
                    + $"training must first shrink the outputs, and its gradients are clipped for a long time. Initialize its last "
                    + $"layer with weights at or near zero.")]
            : [];
    }

    private static double SizeOfOutputs(Denoiser denoiser, ImageShape shape, int count)
    {
        using IDisposable mode = EvaluationMode.Of(denoiser.Model.Network);
        using IDisposable noGradients = no_grad();
        using DisposeScope scope = NewDisposeScope();
        long[] images = [.. Enumerable.Range(0, count).Select(i => (long)i)];
        Tensor noise = NormalNoise.Draw(new SeedStream(0), RandomPurpose.InitialNoise, images, shape).to(denoiser.Device); // [B, C, H, W]
        NoiseLevel[] levels = [.. images.Select(i => denoiser.Schedule.At(TimeLaw.Uniform.TimeAt((i + 0.5) / count, denoiser.Schedule)))];
        Conditioning conditioning = denoiser.Model.ClassCount is null
            ? Conditioning.None
            : new Conditioning { ClassLabels = zeros([count], ScalarType.Int64, denoiser.Device) };
        return Math.Sqrt(denoiser.PredictRaw(noise, levels, conditioning, mayPredictVariance: true).Squared().mean().Read<float>());
    }

    private static TrainingWarning Warn(InvariantText text) => new("Network", text.ToString());
}
