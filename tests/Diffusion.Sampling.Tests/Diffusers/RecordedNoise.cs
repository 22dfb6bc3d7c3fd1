using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Diffusers;

/// <summary>The noise that a scheduler drew, in order; null for one that drew none.</summary>
internal sealed class RecordedNoise(Tensor? noise) : IStepNoise
{
    private int drawn;

    public Tensor Draw(int step, int draw, NoiseLevel from, NoiseLevel to)
    {
        noise.Should().NotBeNull("diffusers drew no noise");
        return noise![drawn++].clone();
    }
}
