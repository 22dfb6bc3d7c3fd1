using System.Globalization;
using System.Runtime.InteropServices;

namespace Diffusion.Data;

/// <summary>Implements <see cref="ImageTransform.RandomFlip"/>.</summary>
internal sealed class FlipTransform(double probability) : PixelTransform("RandomFlip", isRandom: true)
{
    public override bool IsQuick => true;

    public override void Apply(ImageCanvas image, SeedStream draws)
    {
        if (draws.Uniform(RandomPurpose.Augmentation, 0) >= probability)
        {
            return;
        }

        if (image.Encoding == PixelEncoding.Float32)
        {
            ReverseRows(image.Floats, image.Width); // [C, H, W]
        }
        else if (image.Channels == 3)
        {
            ReverseRows(MemoryMarshal.Cast<byte, RgbColor>(image.Bytes), image.Width); // [H, W, 3]
        }
        else
        {
            // Reverses whole rows, which also reverses the channels of each pixel, then restores each pixel.
            ReverseRows(image.Bytes, image.Width * image.Channels); // [H, W, C]
            ReverseRows(image.Bytes, image.Channels);
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}({probability})");

    private static void ReverseRows<T>(Span<T> pixels, int width)
    {
        for (int row = 0; row < pixels.Length; row += width)
        {
            pixels.Slice(row, width).Reverse();
        }
    }
}
