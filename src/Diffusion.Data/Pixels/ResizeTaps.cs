namespace Diffusion.Data;

/// <summary>Which old pixels make a new one along one side, with what weights that sum to 1. Filled anew for each stretch.</summary>
internal sealed class ResizeTaps(int size)
{
    private readonly int[] first = new int[size];
    private readonly int[] count = new int[size];
    private float[] weights = [];
    private int perPixel;
    private (double Start, double Length, int Count) filled;

    /// <summary>The first of the old pixels that make a new one.</summary>
    public int First(int pixel) => first[pixel];

    /// <summary>The weights of this many old pixels, from the first on.</summary>
    public ReadOnlySpan<float> Weights(int pixel) => weights.AsSpan(pixel * perPixel, count[pixel]);

    /// <summary>Fills it for a stretch of old pixels.</summary>
    /// <param name="from">Where the stretch begins; whole numbers are the pixels' edges.</param>
    /// <param name="length">How many old pixels it covers, above 0, not always a whole number.</param>
    /// <param name="pixels">How many old pixels there are.</param>
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
            // Smaller: [start, end) is the area that the new pixel covers. Larger: it is one old pixel wide around the new centre.
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
