namespace Diffusion.Reporting.Tests;

/// <summary>Reads pixels of a decoded RGB image.</summary>
internal static class Pixels
{
    public static (byte Red, byte Green, byte Blue) At(this DecodedImage image, int x, int y)
    {
        int at = ((y * image.Width) + x) * 3;
        return (image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]);
    }
}
