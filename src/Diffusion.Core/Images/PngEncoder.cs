using SkiaSharp;

namespace Diffusion;

/// <summary>Encodes pixels as a PNG file.</summary>
internal static class PngEncoder
{
    public static unsafe byte[] Encode(DecodedImage image)
    {
        bool grey = image.Channels == 1;
        byte[] pixels = grey ? image.Pixels : WithOpaqueAlpha(image.Pixels);
        SKImageInfo info = new(image.Width, image.Height, grey ? SKColorType.Gray8 : SKColorType.Rgba8888, SKAlphaType.Opaque);
        fixed (byte* first = pixels)
        {
            using SKPixmap pixmap = new(info, (nint)first);
            using SKData data = pixmap.Encode(SKPngEncoderOptions.Default)
                ?? throw new InvalidOperationException($"A PNG of {image.Width} x {image.Height} pixels could not be encoded.");
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
