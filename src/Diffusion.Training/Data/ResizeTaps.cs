namespace Diffusion.Training;

/// <summary>Which old pixels make a new one along one side, and with what weights that sum to 1. Kept and filled anew for each length.</summary>
internal sealed class ResizeTaps(int size)
{
    private readonly int[] first = new int[size];
    private readonly int[] count = new int[size];
    private float[] weights = [];
    private int perPixel;

    /// <summary>How many old pixels there are; 0 before the first filling.</summary>
    public int Length { get; private set; }

    /// <summary>The first of the old pixels that make a new one.</summary>
    public int First(int pixel) => first[pixel];

    /// <summary>The weights of this many old pixels, from the first on.</summary>
    public ReadOnlySpan<float> Weights(int pixel) => weights.AsSpan(pixel * perPixel, count[pixel]);

    /// <summary>Fills it for a number of old pixels, at least 1.</summary>
    public void Fill(int length)
    {
        if (length == Length)
        {
            return;
        }

        double scale = (double)length / size;
        perPixel = scale > 1 ? (int)Math.Ceiling(scale) + 1 : 2;
        if (weights.Length < size * perPixel)
        {
            weights = new float[size * perPixel];
        }

        for (int pixel = 0; pixel < size; pixel++)
        {
            // Smaller: [start, end) is the area that the new pixel covers. Larger: it is one old pixel wide around the new centre.
            double start = scale > 1 ? pixel * scale : Math.Clamp(((pixel + 0.5) * scale) - 0.5, 0, length - 1);
            double end = start + Math.Max(scale, 1);
            first[pixel] = (int)start;
            count[pixel] = 0;
            for (int tap = 0; tap < perPixel && first[pixel] + tap < length; tap++)
            {
                double covered = Math.Min(end, first[pixel] + tap + 1) - Math.Max(start, first[pixel] + tap);
                if (covered > 0)
                {
                    weights[(pixel * perPixel) + tap] = (float)(covered / (end - start));
                    count[pixel] = tap + 1;
                }
            }
        }

        Length = length;
    }
}
