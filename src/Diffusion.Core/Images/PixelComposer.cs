using System.Runtime.Intrinsics;
using SkiaSharp;

namespace Diffusion;

/// <summary>Converts decoded pixels to the requested channels, composes them on the background and applies the orientation.</summary>
internal static class PixelComposer
{
    /// <summary>Converts all pixels, row by row.</summary>
    /// <param name="stored"><c>[height, width, storedChannels]</c>: gray, RGB or RGBA.</param>
    /// <param name="storedChannels">1, 3 or 4.</param>
    /// <param name="width">As stored.</param>
    /// <param name="height">As stored.</param>
    /// <param name="origin">The EXIF orientation.</param>
    /// <param name="decoding">Channels and background.</param>
    /// <param name="pixels">Takes <c>[H, W, C]</c> as shown.</param>
    public static void Compose(
        ReadOnlySpan<byte> stored, int storedChannels, int width, int height, SKEncodedOrigin origin, ImageDecoding decoding,
            Span<byte> pixels)
    {
        int channels = decoding.Channels;
        RgbColor background = decoding.Background;
        Orientation orientation = new(origin, width, height);
        int step = orientation.StepX * channels;
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> row = stored.Slice(y * width * storedChannels, width * storedChannels);
            int target = orientation.TargetOf(0, y) * channels;
            int done = (storedChannels, step) == (4, 3) ? CopyOpaque(row, pixels.Slice(target, width * 3)) : 0;
            target += done * step;
            for (int source = done * storedChannels; source < row.Length; source += storedChannels, target += step)
            {
                RgbColor color = storedChannels switch
                {
                    1 => new(row[source], row[source], row[source]),
                    3 => new(row[source], row[source + 1], row[source + 2]),
                    _ => Blend(row.Slice(source, 4), background),
                };
                if (channels == 1)
                {
                    pixels[target] = (byte)(((299 * color.Red) + (587 * color.Green) + (114 * color.Blue) + 500) / 1000);
                    continue;
                }

                pixels[target] = color.Red;
                pixels[target + 1] = color.Green;
                pixels[target + 2] = color.Blue;
            }
        }
    }

    // The pixels before a transparent one or the end of the row, in fours. Each write of four overlaps the next pixel.
    private static int CopyOpaque(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        Vector128<byte> colors = Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 3, 3, 3);
        int pixel = 0;
        while ((pixel * 3) + Vector128<byte>.Count <= rgb.Length)
        {
            Vector128<byte> four = Vector128.Create(rgba[(pixel * 4)..]);
            if (!Vector128.EqualsAll(four.AsUInt32() >> 24, Vector128.Create(255u)))
            {
                break;
            }

            Vector128.Shuffle(four, colors).CopyTo(rgb[(pixel * 3)..]);
            pixel += 4;
        }

        return pixel;
    }

    private static RgbColor Blend(ReadOnlySpan<byte> rgba, RgbColor background)
    {
        int alpha = rgba[3];
        return alpha == 255
            ? new(rgba[0], rgba[1], rgba[2])
            : new(Blend(rgba[0], background.Red, alpha), Blend(rgba[1], background.Green, alpha), Blend(rgba[2], background.Blue, alpha));
    }

    private static byte Blend(int color, int background, int alpha) =>
        (byte)(((color * alpha) + (background * (255 - alpha)) + 127) / 255);
}
