using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>The images that pass through the network together: their noise, their classes, their progress.</summary>
public sealed class SampleBatch
{
    private readonly Denoiser denoiser;
    private readonly Device device;
    private readonly SeedStream seeds;
    private readonly ImageShape shape;
    private readonly long[] images;
    private readonly Conditioning conditioning;
    private readonly Action<int> report;

    internal SampleBatch(
        Denoiser denoiser, Device device, SeedStream seeds, ImageShape shape, long[] images, Conditioning conditioning, Action<int> report)
    {
        this.denoiser = denoiser;
        this.device = device;
        this.seeds = seeds;
        this.shape = shape;
        this.images = images;
        this.conditioning = conditioning;
        this.report = report;
    }

    /// <summary>The standard normal noise that sampling starts from: a function of the seed and the image alone.</summary>
    /// <returns>float32 <c>[B, C, H, W]</c> on the model's device; it belongs to the caller.</returns>
    public Tensor InitialNoise() => Draw(seeds, RandomPurpose.InitialNoise);

    /// <summary>The standard normal noise that is added when leaving a timestep: a function of the seed, the image and the timestep alone.</summary>
    /// <param name="timestep">The timestep that is left.</param>
    /// <returns>float32 <c>[B, C, H, W]</c> on the model's device; it belongs to the caller.</returns>
    public Tensor StepNoise(int timestep) => Draw(seeds.Child(RandomPurpose.StepNoise, timestep), RandomPurpose.StepNoise);

    /// <summary>Asks the denoiser about these images, telling it their classes.</summary>
    /// <param name="noisy">The noisy images <c>[B, C, H, W]</c>.</param>
    /// <param name="level">Their noise level.</param>
    /// <returns>The estimates of the clean images and of the noise; they belong to the caller.</returns>
    public DenoisedImages Denoise(Tensor noisy, NoiseLevel level) => denoiser.Denoise(noisy, level, conditioning);

    /// <summary>Tells the observer of progress that a step is done.</summary>
    /// <param name="step">How many steps are done, from 1.</param>
    public void ReportStep(int step) => report(step);

    private Tensor Draw(SeedStream stream, RandomPurpose purpose)
    {
        using DisposeScope scope = NewDisposeScope();
        return NormalNoise.Draw(stream, purpose, images, shape).to(device).MoveToOuterDisposeScope(); // [B, C, H, W]
    }
}
