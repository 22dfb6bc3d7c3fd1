using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion;

/// <summary>
/// Standard normal noise drawn image by image on the CPU, each from its own seed, so that every device and batch split gets the same noise.
/// </summary>
public static class NormalNoise
{
    /// <summary>Noise for a batch of images.</summary>
    /// <param name="seeds">The stream of the run.</param>
    /// <param name="purpose">The purpose of the numbers.</param>
    /// <param name="indices">The index of each image: its position in the run.</param>
    /// <param name="shape">The shape of one image.</param>
    /// <returns>float32 <c>[B, C, H, W]</c> on the CPU; it belongs to the caller.</returns>
    public static Tensor Draw(SeedStream seeds, RandomPurpose purpose, ReadOnlySpan<long> indices, ImageShape shape)
    {
        long[] derived = new long[indices.Length];
        for (int i = 0; i < derived.Length; i++)
        {
            derived[i] = seeds.Derive(purpose, indices[i]);
        }

        return Draw(derived, shape);
    }

    /// <summary>
    /// Noise for a batch of images on a device, each from its own derived seed. Drawn on the CPU; the host does not wait for the copy to a
    /// CUDA device.
    /// </summary>
    /// <param name="derived">The result of <see cref="SeedStream.Derive"/> for each image.</param>
    /// <param name="shape">The shape of one image.</param>
    /// <param name="device">The device.</param>
    /// <returns>float32 <c>[B, C, H, W]</c> on the device; it belongs to the caller.</returns>
    public static Tensor Draw(ReadOnlySpan<long> derived, ImageShape shape, Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        TorchBackend.EnsureLoaded();
        using DisposeScope scope = NewDisposeScope();
        return Draw(derived, shape).SendTo(device).MoveToOuterDisposeScope();
    }

    /// <summary>Noise for a batch of images, each from its own derived seed.</summary>
    /// <param name="derived">The result of <see cref="SeedStream.Derive"/> for each image.</param>
    /// <param name="shape">The shape of one image.</param>
    /// <returns>float32 <c>[B, C, H, W]</c> on the CPU; it belongs to the caller.</returns>
    public static Tensor Draw(ReadOnlySpan<long> derived, ImageShape shape)
    {
        TorchBackend.EnsureLoaded();
        Tensor noise = empty([derived.Length, shape.Channels, shape.Height, shape.Width], ScalarType.Float32);
        using Tensor other = empty([shape.Channels, shape.Height, shape.Width], ScalarType.Float32);
        using Generator generator = new(0, CPU);
        for (int i = 0; i < derived.Length; i++)
        {
            // libtorch's CPU generator uses 32 bits of a seed: among a million images a hundred pairs would share their noise.
            // Each half of the seed gives a normal of variance 1/2; their sum is standard normal and depends on all 64 bits.
            long seed = derived[i];
            using Tensor image = noise[i]; // [C, H, W]
            generator.manual_seed(seed & uint.MaxValue);
            image.normal_(0, Math.Sqrt(0.5), generator);
            generator.manual_seed(seed >>> 32);
            image.Increase(other.normal_(0, Math.Sqrt(0.5), generator));
        }

        return noise;
    }
}
