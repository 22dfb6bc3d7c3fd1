using SkiaSharp;

namespace Diffusion;

/// <summary>Maps stored pixels to shown pixels for the eight EXIF orientations.</summary>
internal readonly struct Orientation
{
    private readonly int start;
    private readonly int stepY;

    /// <summary>Creates the map of an orientation.</summary>
    /// <param name="origin">The EXIF orientation.</param>
    /// <param name="width">Of the stored image.</param>
    /// <param name="height">Of the stored image.</param>
    public Orientation(SKEncodedOrigin origin, int width, int height)
    {
        // The name of an origin says where row 0 and column 0 belong: RightTop has row 0 at the right and column 0 at the top.
        (start, StepX, stepY) = origin switch
        {
            SKEncodedOrigin.TopRight => (width - 1, -1, width),
            SKEncodedOrigin.BottomRight => ((width * height) - 1, -1, -width),
            SKEncodedOrigin.BottomLeft => (width * (height - 1), 1, -width),
            SKEncodedOrigin.LeftTop => (0, height, 1),
            SKEncodedOrigin.RightTop => (height - 1, height, -1),
            SKEncodedOrigin.RightBottom => ((width * height) - 1, -height, -1),
            SKEncodedOrigin.LeftBottom => (height * (width - 1), -height, 1),
            _ => (0, 1, width),
        };
    }

    /// <summary>The distance in the shown image, counted row by row, between two neighbors of a stored row.</summary>
    public int StepX { get; }

    /// <summary>Whether width and height are swapped.</summary>
    public static bool Swaps(SKEncodedOrigin origin) =>
        origin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;

    /// <summary>Whether what is stored first is shown at the right.</summary>
    public static bool BeginsRight(SKEncodedOrigin origin) =>
        origin is SKEncodedOrigin.TopRight or SKEncodedOrigin.BottomRight or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom;

    /// <summary>Whether what is stored first is shown at the bottom.</summary>
    public static bool BeginsBelow(SKEncodedOrigin origin) =>
        origin is SKEncodedOrigin.BottomLeft or SKEncodedOrigin.BottomRight or SKEncodedOrigin.LeftBottom or SKEncodedOrigin.RightBottom;

    /// <summary>The index of a stored pixel in the shown image, counted row by row.</summary>
    public int TargetOf(int x, int y) => start + (x * StepX) + (y * stepY);
}
