using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>
/// Noise between two noises, for <see cref="SampleRequest.StartNoise"/>: the images change gradually from the one to the other. Between the
/// noises of two seeds, or between those of two images, which <see cref="DdimInversionSampler"/> gives.
/// </summary>
public static class NoiseInterpolation
{
    /// <summary>
    /// Points on the arc between two noises (spherical interpolation, Shoemake 1985; Song et al. 2021, appendix D.5). A straight line
    /// would pass through noise of less variance, which gives flat images.
    /// </summary>
    /// <param name="first">The noise at the start, floating point <c>[1, C, H, W]</c>.</param>
    /// <param name="second">The noise at the end, of the same shape, dtype and device.</param>
    /// <param name="count">The number of points, at least 2; the first and the last are the two noises.</param>
    /// <returns><c>[count, C, H, W]</c>; it belongs to the caller.</returns>
    /// <exception cref="ArgumentException">The two do not have one shape <c>[1, C, H, W]</c>.</exception>
    public static Tensor Between(Tensor first, Tensor second, int count)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        if (first.dim() != 4 || first.shape[0] != 1 || !first.shape.AsSpan().SequenceEqual(second.shape))
        {
            throw new ArgumentException(
                $"The noises have the shapes [{string.Join(", ", first.shape)}] and [{string.Join(", ", second.shape)}], but must have the "
                + "same shape [1, C, H, W].",
                nameof(second));
        }

        using DisposeScope scope = NewDisposeScope();
        double cosine = ((first * second).sum() / (first.norm() * second.norm())).to(ScalarType.Float64).item<double>();
        double angle = Math.Acos(Math.Clamp(cosine, -1, 1));
        IEnumerable<Tensor> points = Enumerable.Range(0, count).Select(i => At(i / (count - 1.0)));
        return cat([.. points], 0).MoveToOuterDisposeScope();

        Tensor At(double fraction)
        {
            // Nearly parallel noises lie on a straight line.
            (double from, double to) = Math.Sin(angle) < 1e-6
                ? (1 - fraction, fraction)
                : (Math.Sin((1 - fraction) * angle) / Math.Sin(angle), Math.Sin(fraction * angle) / Math.Sin(angle));
            return first.Times(from).Plus(second.Times(to));
        }
    }

    /// <summary>Points between the initial noises of two seeds, those of their first images.</summary>
    /// <param name="first">The seed of the first image.</param>
    /// <param name="second">The seed of the last image.</param>
    /// <param name="shape">The shape of an image.</param>
    /// <param name="count">The number of images, at least 2.</param>
    /// <returns>float32 <c>[count, C, H, W]</c> on the CPU; it belongs to the caller.</returns>
    public static Tensor BetweenSeeds(long first, long second, ImageShape shape, int count)
    {
        using Tensor start = NormalNoise.Draw(new SeedStream(first), RandomPurpose.InitialNoise, [0], shape);
        using Tensor end = NormalNoise.Draw(new SeedStream(second), RandomPurpose.InitialNoise, [0], shape);
        return Between(start, end, count);
    }
}
