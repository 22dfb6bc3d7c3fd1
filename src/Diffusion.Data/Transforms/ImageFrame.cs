namespace Diffusion.Data;

/// <summary>
/// The part of a decoded image that is kept, and the size in pixels that it counts as. Crops and resizes only change this; the pixels are
/// sampled once, at the end.
/// </summary>
/// <param name="Part">The part, in the image's own pixels; not always whole ones.</param>
/// <param name="Width">The width that the next crop sees.</param>
/// <param name="Height">The height that the next crop sees.</param>
internal readonly record struct ImageFrame(CropArea Part, int Width, int Height)
{
    /// <summary>All of an image.</summary>
    public static ImageFrame Whole(int width, int height) => new(new CropArea(0, 0, width, height), width, height);

    /// <summary>A part of this.</summary>
    public ImageFrame Cut(ImageWindow window)
    {
        double across = Part.Width / Width;
        double down = Part.Height / Height;
        return new ImageFrame(
            new CropArea(
                Part.Left + (window.Left * across), Part.Top + (window.Top * down), window.Width * across, window.Height * down),
            window.Width, window.Height);
    }

    /// <summary>A part that a user's code chose.</summary>
    /// <exception cref="InvalidOperationException">It reaches beyond this.</exception>
    public ImageFrame CropChecked(ImageWindow window) =>
        window is { Left: >= 0, Top: >= 0, Width: >= 1, Height: >= 1 } && window.Left <= Width - window.Width
            && window.Top <= Height - window.Height
            ? Cut(window)
            : throw new InvalidOperationException(
                $"It chose {window}, but the image has {Width} x {Height} pixels. Choose a part of at least one pixel within it.");

    /// <summary>The same part, counted as another size.</summary>
    public ImageFrame Resized(int width, int height) => this with { Width = width, Height = height };

    /// <summary>The same part at a size whose shorter side is given; its shape stays, to the nearest pixel.</summary>
    public ImageFrame WithShorterSide(int side)
    {
        double scale = (double)side / Math.Min(Width, Height);
        return Resized(
            Width <= Height ? side : (int)Math.Min(Math.Round(Width * scale), int.MaxValue),
            Height <= Width ? side : (int)Math.Min(Math.Round(Height * scale), int.MaxValue));
    }

    /// <summary>The largest part from the middle that has the shape of a target.</summary>
    public ImageFrame CropToShape((int Width, int Height) target)
    {
        (long wide, long high) = ((long)Width * target.Height, (long)Height * target.Width);
        if (wide == high)
        {
            return this;
        }

        int width = wide > high ? Math.Max((int)(high / target.Height), 1) : Width;
        int height = wide < high ? Math.Max((int)(wide / target.Width), 1) : Height;
        return Cut(Middle(width, height));
    }

    /// <summary>A window from the middle.</summary>
    /// <exception cref="ImageDataException">This is smaller.</exception>
    public ImageWindow Middle(int width, int height)
    {
        ThrowIfSmaller(width, height);
        return new ImageWindow((Width - width) / 2, (Height - height) / 2, width, height);
    }

    /// <summary>A window anywhere: every place is as likely.</summary>
    /// <param name="width">In pixels.</param>
    /// <param name="height">In pixels.</param>
    /// <param name="draws">What the place is drawn from: augmentations 1 and 2.</param>
    /// <exception cref="ImageDataException">This is smaller.</exception>
    public ImageWindow RandomWindow(int width, int height, SeedStream draws)
    {
        ThrowIfSmaller(width, height);
        return new ImageWindow(
            (int)(draws.Uniform(RandomPurpose.Augmentation, 1) * (Width - width + 1)),
            (int)(draws.Uniform(RandomPurpose.Augmentation, 2) * (Height - height + 1)),
            width, height);
    }

    private void ThrowIfSmaller(int width, int height)
    {
        if (width > Width || height > Height)
        {
            throw new ImageDataException(
                string.Empty,
                    $"it has {Width} x {Height} pixels, fewer than a crop of {width} x {height}. Put ImageTransform.Resize before the crop.");
        }
    }
}
