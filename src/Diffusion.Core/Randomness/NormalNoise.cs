using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>Standard normal noise drawn image by image on the CPU, each from a seed of its own, so that every device and batch split sees the same.</summary>
public static class NormalNoise
{
    /// <summary>Noise for a batch of images.</summary>
    /// <param name="seeds">The stream of the run.</param>
    /// <param name="purpose">What for.</param>
    /// <param name="indices">The index of each image: its position in the run.</param>
    /// <param name="shape">The shape of one image.</param>
    /// <returns>float32 <c>[B, C, H, W]</c> on the CPU; it belongs to the caller.</returns>
    public static Tensor Draw(SeedStream seeds, RandomPurpose purpose, ReadOnlySpan<long> indices, ImageShape shape)
    {
        TorchBackend.EnsureLoaded();
        Tensor noise = empty([indices.Length, shape.Channels, shape.Height, shape.Width], ScalarType.Float32);
        using Generator generator = new(0, CPU);
        for (int i = 0; i < indices.Length; i++)
        {
            generator.manual_seed(seeds.Derive(purpose, indices[i]));
            using Tensor image = noise[i]; // [C, H, W]
            image.normal_(0, 1, generator);
        }

        return noise;
    }
}
