using System.Buffers;

namespace Diffusion.Training;

/// <summary>
/// Scales the middle square of an image. Smaller: each new pixel is the mean of exactly the area that it covers, so nothing aliases.
/// Larger: linear between pixel centres. On the sRGB values as they are, in plain arithmetic that gives the same bytes everywhere.
/// </summary>
internal static class AreaResize
{
    /// <summary>Writes the middle square of an image, <paramref name="size"/> x <paramref name="size"/>, as bytes <c>[H, W, C]</c>.</summary>
    public static void CropToFill(DecodedImage image, int size, Span<byte> destination)
    {
        int channels = image.Channels;
        int side = Math.Min(image.Width, image.Height);
        int left = (image.Width - side) / 2;
        int top = (image.Height - side) / 2;
        Taps taps = new(side, size);

        // Across first: every row of the square to [size, C].
        int rowLength = size * channels;
        float[] rows = ArrayPool<float>.Shared.Rent(side * rowLength);
        for (int y = 0; y < side; y++)
        {
            int source = (((top + y) * image.Width) + left) * channels;
            for (int x = 0; x < size; x++)
            {
                for (int c = 0; c < channels; c++)
                {
                    float sum = 0;
                    for (int tap = 0; tap < taps.PerPixel; tap++)
                    {
                        sum += taps.Weight(x, tap) * image.Pixels[source + (taps.Index(x, tap) * channels) + c];
                    }

                    rows[(y * rowLength) + (x * channels) + c] = sum;
                }
            }
        }

        // Then down: every column to the size.
        for (int y = 0; y < size; y++)
        {
            for (int x = 0; x < rowLength; x++)
            {
                float sum = 0.5f;
                for (int tap = 0; tap < taps.PerPixel; tap++)
                {
                    sum += taps.Weight(y, tap) * rows[(taps.Index(y, tap) * rowLength) + x];
                }

                destination[(y * rowLength) + x] = (byte)Math.Clamp(sum, 0, 255);
            }
        }

        ArrayPool<float>.Shared.Return(rows);
    }

    /// <summary>Which old pixels make a new one, and with what weights that sum to 1.</summary>
    private sealed class Taps
    {
        private readonly float[] weights;
        private readonly int[] first;
        private readonly int last;

        public Taps(int from, int to)
        {
            double scale = (double)from / to;
            PerPixel = scale > 1 ? (int)Math.Ceiling(scale) + 1 : 2;
            weights = new float[to * PerPixel];
            first = new int[to];
            last = from - 1;
            for (int pixel = 0; pixel < to; pixel++)
            {
                // Smaller: [start, end) is the area that the new pixel covers. Larger: it is one old pixel wide around the new centre.
                double start = scale > 1 ? pixel * scale : Math.Clamp(((pixel + 0.5) * scale) - 0.5, 0, last);
                double end = start + Math.Max(scale, 1);
                first[pixel] = (int)start;
                for (int tap = 0; tap < PerPixel; tap++)
                {
                    double covered = Math.Min(end, first[pixel] + tap + 1) - Math.Max(start, first[pixel] + tap);
                    weights[(pixel * PerPixel) + tap] = (float)(Math.Max(covered, 0) / (end - start));
                }
            }
        }

        public int PerPixel { get; }

        public int Index(int pixel, int tap) => Math.Min(first[pixel] + tap, last);

        public float Weight(int pixel, int tap) => weights[(pixel * PerPixel) + tap];
    }
}
