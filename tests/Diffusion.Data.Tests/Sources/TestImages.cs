using SkiaSharp;

namespace Diffusion.Data.Tests;

/// <summary>Image files created by tests.</summary>
internal static class TestImages
{
    /// <summary>A PNG of a single color.</summary>
    public static byte[] Png(int width, int height) => Encode(width, height, SKEncodedImageFormat.Png, (_, _) => SKColors.Teal);

    /// <summary>An image with pixels from a function.</summary>
    public static byte[] Encode(int width, int height, SKEncodedImageFormat format, Func<int, int, SKColor> color)
    {
        using SKBitmap bitmap = new(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Pixels = [.. Enumerable.Range(0, width * height).Select(i => color(i % width, i / width))];
        using SKData data = bitmap.Encode(format, 90);
        return data.ToArray();
    }
}
