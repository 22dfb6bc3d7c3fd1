using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>The noise of a batch of images: a function of the seed, the image and the step alone.</summary>
/// <param name="images">The seed of each image, and its index among all images of that seed.</param>
/// <param name="shape">Their shape.</param>
/// <param name="device">The model's device.</param>
/// <param name="byTimestep">
/// Whether every step starts at a distinct integer timestep: its noise then belongs to the timestep, so that it is the same for any number
/// of steps.
/// </param>
internal sealed class SeededNoise(IReadOnlyList<SeededImage> images, ImageShape shape, Device device, bool byTimestep) : IStepNoise
{
    /// <summary>The initial noise.</summary>
    public Tensor Initial() => Draw(RandomPurpose.InitialNoise, seeds => seeds);

    public Tensor Draw(int step, int draw, NoiseLevel from, NoiseLevel to) => Draw(RandomPurpose.StepNoise, seeds =>
    {
        SeedStream own = seeds.Child(RandomPurpose.StepNoise, byTimestep ? (long)from.Time : step);
        return draw == 0 ? own : own.Child(RandomPurpose.StepNoise, draw);
    });

    private Tensor Draw(RandomPurpose purpose, Func<SeedStream, SeedStream> stream)
    {
        long[] derived = [.. images.Select(image => stream(new SeedStream(image.Seed)).Derive(purpose, image.Index))];
        return NormalNoise.Draw(derived, shape, device); // [B, C, H, W]
    }
}
