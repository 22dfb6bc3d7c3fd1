namespace Diffusion.Data;

/// <summary>
/// The source pixels of each target pixel along one dimension, with weights that sum to 1. Recomputed for each source range.
/// </summary>
internal sealed class ResizeTaps(int size)
{
    private readonly int[] first = new int[size];
    private readonly int[] count = new int[size];
    private float[] weights = [];
    private int perPixel;
    private (double Start, double Length, int Count) filled;

    /// <summary>The first source pixel of a target pixel.</summary>
    public int First(int pixel) => first[pixel];

    /// <summary>The weights of the source pixels, from the first on.</summary>
    public ReadOnlySpan<float> Weights(int pixel) => weights.AsSpan(pixel * perPixel, count[pixel]);

    /// <summary>Computes the weights for a range of source pixels.</summary>
    /// <param name="from">The start of the range; integers are the edges of pixels.</param>
    /// <param name="length">The length of the range in source pixels, above 0, possibly fractional.</param>
    /// <param name="pixels">The number of source pixels.</param>
    public void Fill(double from, double length, int pixels)
    {
        if (filled == (from, length, pixels))
        {
            return;
        }

        double scale = length / size;
        perPixel = scale > 1 ? (int)Math.Ceiling(scale) + 1 : 2;
        if (weights.Length < size * perPixel)
        {
            weights = new float[size * perPixel];
        }

        for (int pixel = 0; pixel < size; pixel++)
        {
            // Downscaling: [start, end) is the area of the target pixel. Upscaling: it is one source pixel wide, around the center of the
            // target pixel.
            double start = from + (scale > 1 ? pixel * scale : Math.Clamp(((pixel + 0.5) * scale) - 0.5, 0, Math.Max(length - 1, 0)));
            start = scale > 1 ? start : Math.Min(start, pixels - 1);
            double end = start + Math.Max(scale, 1);
            first[pixel] = Math.Min((int)start, pixels - 1);
            count[pixel] = 0;
            for (int tap = 0; tap < perPixel && first[pixel] + tap < pixels; tap++)
            {
                double covered = Math.Min(end, first[pixel] + tap + 1) - Math.Max(start, first[pixel] + tap);
                if (covered > 0)
                {
                    weights[(pixel * perPixel) + tap] = (float)(covered / (end - start));
                    count[pixel] = tap + 1;
                }
            }
        }

        filled = (from, length, pixels);
    }
}
