using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>The noise of a batch of images: a function of the seed, the image and the step alone.</summary>
/// <param name="seeds">The stream of the seed.</param>
/// <param name="images">The index of each image among all images of the seed.</param>
/// <param name="shape">Their shape.</param>
/// <param name="device">The model's device.</param>
/// <param name="byTimestep">
/// Whether every step starts at a distinct integer timestep: its noise then belongs to the timestep, so that it is the same for any number
/// of steps.
/// </param>
internal sealed class SeededNoise(SeedStream seeds, long[] images, ImageShape shape, Device device, bool byTimestep) : IStepNoise
{
    /// <summary>The initial noise.</summary>
    public Tensor Initial() => Draw(seeds, RandomPurpose.InitialNoise);

    public Tensor Draw(int step, int draw, NoiseLevel from, NoiseLevel to)
    {
        SeedStream own = seeds.Child(RandomPurpose.StepNoise, byTimestep ? (long)from.Time : step);
        return Draw(draw == 0 ? own : own.Child(RandomPurpose.StepNoise, draw), RandomPurpose.StepNoise);
    }

    private Tensor Draw(SeedStream stream, RandomPurpose purpose)
    {
        using DisposeScope scope = NewDisposeScope();
        return NormalNoise.Draw(stream, purpose, images, shape).to(device).MoveToOuterDisposeScope(); // [B, C, H, W]
    }
}
