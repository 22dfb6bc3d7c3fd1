namespace Diffusion.Training;

/// <summary>A square part of an image.</summary>
/// <param name="Left">The first column.</param>
/// <param name="Top">The first row.</param>
/// <param name="Side">Width and height in pixels, at least 1.</param>
internal readonly record struct SquareWindow(int Left, int Top, int Side)
{
    /// <summary>The largest square from the middle.</summary>
    public static SquareWindow Middle(int width, int height)
    {
        int side = Math.Min(width, height);
        return new SquareWindow((width - side) / 2, (height - side) / 2, side);
    }

    /// <summary>A square that covers a share of the shorter side, anywhere: every place is as likely.</summary>
    /// <param name="width">Of the image.</param>
    /// <param name="height">Of the image.</param>
    /// <param name="share">Above 0 and at most 1.</param>
    /// <param name="draws">What the place is drawn from: augmentations 1 and 2.</param>
    public static SquareWindow Anywhere(int width, int height, double share, SeedStream draws)
    {
        int side = Math.Max((int)Math.Round(Math.Min(width, height) * share), 1);
        int left = (int)(draws.Uniform(RandomPurpose.Augmentation, 1) * (width - side + 1));
        int top = (int)(draws.Uniform(RandomPurpose.Augmentation, 2) * (height - side + 1));
        return new SquareWindow(left, top, side);
    }
}
