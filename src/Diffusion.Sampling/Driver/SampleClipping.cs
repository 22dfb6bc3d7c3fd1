using TorchSharp;
using static TorchSharp.torch;

namespace Diffusion.Sampling;

/// <summary>How a sampler handles an estimate of the clean image outside [-1, 1], the range of images.</summary>
public sealed record SampleClipping
{
    private SampleClipping(double? percentile, double max)
    {
        Percentile = percentile;
        Max = max;
    }

    /// <summary>No clipping: for data without a fixed range, such as latents.</summary>
    public static SampleClipping None { get; } = new(null, double.PositiveInfinity);

    /// <summary>Clips to [-1, 1] (Ho et al. 2020): the default.</summary>
    public static SampleClipping Clip { get; } = new(null, 1);

    /// <summary>The fraction of an image's values that dynamic thresholding leaves unclipped, in (0, 1]; null without it.</summary>
    public double? Percentile { get; }

    /// <summary>The limit of values before scaling: 1 for <see cref="Clip"/>, infinity for <see cref="None"/>.</summary>
    public double Max { get; }

    /// <summary>
    /// Whether the estimate of the noise stays that of the unclipped image, as in diffusers' DDIM. Default false: it is recomputed, so that
    /// both estimates make up the noisy image.
    /// </summary>
    public bool KeepsNoise { get; init; }

    /// <summary>Clips to [-max, max], for data of another range.</summary>
    /// <param name="max">A number above 0; 1 is <see cref="Clip"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not a number above 0.</exception>
    public static SampleClipping ClipTo(double max) => max > 0 && double.IsFinite(max)
        ? new SampleClipping(null, max)
        : throw new ArgumentOutOfRangeException(nameof(max), max,
            "The limit must be a number above 0. Use 1 for images, or SampleClipping.None.");

    /// <summary>
    /// Dynamic thresholding (Saharia et al. 2022, Imagen, section 2.3): s is the percentile of |x| in each image, at least 1; the image is
    /// clipped to [-s, s] and divided by s. Prevents saturated pixels, especially with strong guidance.
    /// </summary>
    /// <param name="percentile">In (0, 1]. Default 0.995.</param>
    /// <param name="max">The maximum s, at least 1. Default: no limit.</param>
    /// <exception cref="ArgumentOutOfRangeException">A parameter is outside its range.</exception>
    public static SampleClipping DynamicThreshold(double percentile = 0.995, double max = double.PositiveInfinity)
    {
        if (percentile is not (> 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(percentile), percentile, "The percentile must lie in (0, 1]. Use 0.995.");
        }

        if (max is not >= 1)
        {
            throw new ArgumentOutOfRangeException(nameof(max), max, "The maximum threshold must be at least 1, the range of an image.");
        }

        return new SampleClipping(percentile, max);
    }

    /// <summary>Clips estimates.</summary>
    /// <param name="clean">Estimates of clean images, floating point <c>[B, C, H, W]</c>; not modified.</param>
    /// <returns>Like <paramref name="clean"/>; it belongs to the caller. With <see cref="None"/> it shares the argument's memory.</returns>
    public Tensor Apply(Tensor clean)
    {
        ArgumentNullException.ThrowIfNull(clean);
        if (this == None)
        {
            return clean.alias();
        }

        if (Percentile is not { } percentile)
        {
            return clean.Between(-Max, Max);
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor s = Quantile(clean.abs().flatten(1), percentile).Between(1, Max).reshape(-1, 1, 1, 1); // [B, 1, 1, 1]
        return clean.clamp(-s, s).div_(s).MoveToOuterDisposeScope();
    }

    // Sorts and interpolates linearly: torch.quantile refuses more than 2^24 numbers.
    private static Tensor Quantile(Tensor rows, double share)
    {
        long last = rows.shape[1] - 1;
        double place = share * last;
        long below = (long)place;
        (Tensor sorted, Tensor _) = rows.sort(dim: 1); // [B, n]
        return sorted.select(1, below).lerp(sorted.select(1, Math.Min(below + 1, last)), place - below); // [B]
    }
}
