using SkiaSharp;

namespace Diffusion;

/// <summary>Hands pixels to the encoders of SkiaSharp.</summary>
internal static class SkiaPixels
{
    /// <summary>Encodes an image.</summary>
    /// <param name="image">Gray or RGB.</param>
    /// <param name="encode">The encoder; null for a failure.</param>
    /// <returns>The content of the file.</returns>
    public static unsafe byte[] Encode(DecodedImage image, Func<SKPixmap, SKData?> encode)
    {
        bool gray = image.Channels == 1;
        byte[] pixels = gray ? image.Pixels : WithOpaqueAlpha(image.Pixels);
        SKImageInfo info = new(image.Width, image.Height, gray ? SKColorType.Gray8 : SKColorType.Rgba8888, SKAlphaType.Opaque);
        fixed (byte* first = pixels)
        {
            using SKPixmap pixmap = new(info, (nint)first);
            using SKData data = encode(pixmap)
                ?? throw new InvalidOperationException($"An image of {image.Width} x {image.Height} pixels could not be encoded.");
            return data.ToArray();
        }
    }

    private static byte[] WithOpaqueAlpha(ReadOnlySpan<byte> rgb)
    {
        byte[] rgba = new byte[rgb.Length / 3 * 4];
        for (int source = 0, target = 0; source < rgb.Length; source += 3, target += 4)
        {
            rgb.Slice(source, 3).CopyTo(rgba.AsSpan(target));
            rgba[target + 3] = 255;
        }

        return rgba;
    }
}
