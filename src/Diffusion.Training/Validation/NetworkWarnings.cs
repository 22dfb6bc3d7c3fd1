using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Training;

/// <summary>Asks a network once, before it has learnt anything, and finds answers that are far from what it is to answer.</summary>
internal static class NetworkWarnings
{
    private const int MaxImages = 4;
    private const double MaxAnswer = 10;

    /// <summary>What is unusual, with its reason and its remedy; usually nothing.</summary>
    /// <param name="denoiser">The network, as training begins.</param>
    /// <param name="shape">Of one image.</param>
    /// <param name="microBatchSize">As many images as fit at once; at most four are taken.</param>
    public static IReadOnlyList<TrainingWarning> Of(Denoiser denoiser, ImageShape shape, int microBatchSize)
    {
        double size = SizeOfAnswers(denoiser, shape, Math.Min(microBatchSize, MaxImages));
        return !double.IsFinite(size) ? [
            Warn($"its answers are infinite or not a number before the first step. Look at its weights, and at what it divides by.")]
            : size > MaxAnswer ? [
                Warn($"its answers have a standard deviation of {size:G3} before the first step, but 1 is what they are compared with: "
                    + $"training begins by making them smaller, and its gradients are clipped for long. Start its last layer at zero "
                    + $"or near it.")]
            : [];
    }

    private static double SizeOfAnswers(Denoiser denoiser, ImageShape shape, int count)
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
        return Math.Sqrt(denoiser.PredictRaw(noise, levels, conditioning, mayPredictVariance: true).square().mean().item<float>());
    }

    private static TrainingWarning Warn(InvariantText text) => new("Network", text.ToString());
}
