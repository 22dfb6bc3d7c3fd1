using static TorchSharp.torch;

namespace Diffusion.Sampling.Tests.Traces;

/// <summary>Standard normal noise in float64 that depends on the step and the draw alone.</summary>
public sealed class KeyedNoise(long[] shape, long seed = 0) : IStepNoise
{
    public Tensor Draw(int step, int draw, NoiseLevel from, NoiseLevel to)
    {
        using Generator generator = new((ulong)((seed * 1_000_003L) + (step * 7919L) + draw + 1));
        return randn(shape, ScalarType.Float64, generator: generator);
    }
}
