namespace Diffusion.Data;

/// <summary>
/// The selected part of a decoded image, and its nominal size in pixels. Crops and resizes only change this value; the pixels are resampled
/// once, at the end.
/// </summary>
/// <param name="Part">The part, in pixels of the image, possibly fractional.</param>
/// <param name="Width">The nominal width for the next crop.</param>
/// <param name="Height">The nominal height for the next crop.</param>
internal readonly record struct ImageFrame(CropArea Part, int Width, int Height)
{
    /// <summary>A frame with the whole image.</summary>
    public static ImageFrame Whole(int width, int height) => new(new CropArea(0, 0, width, height), width, height);

    /// <summary>A part of this frame.</summary>
    public ImageFrame Crop(ImageWindow window)
    {
        double across = Part.Width / Width;
        double down = Part.Height / Height;
        return new ImageFrame(
            new CropArea(
                Part.Left + (window.Left * across), Part.Top + (window.Top * down), window.Width * across, window.Height * down),
            window.Width, window.Height);
    }

    /// <summary>A part of this frame that user code has chosen.</summary>
    /// <exception cref="InvalidOperationException">The part is not within this frame.</exception>
    public ImageFrame CropChecked(ImageWindow window) =>
        window is { Left: >= 0, Top: >= 0, Width: >= 1, Height: >= 1 } && window.Left <= Width - window.Width
            && window.Top <= Height - window.Height
            ? Crop(window)
            : throw new InvalidOperationException(
                $"The crop returned {window}, but the image has {Width} x {Height} pixels. "
                + "Return a part of at least one pixel within the image.");

    /// <summary>The same part with another nominal size.</summary>
    public ImageFrame Resized(int width, int height) => this with { Width = width, Height = height };

    /// <summary>The same part, scaled to a shorter side; keeps the aspect ratio to the nearest pixel.</summary>
    public ImageFrame WithShorterSide(int side)
    {
        double scale = (double)side / Math.Min(Width, Height);
        return Resized(
            Width <= Height ? side : (int)Math.Min(Math.Round(Width * scale), int.MaxValue),
            Height <= Width ? side : (int)Math.Min(Math.Round(Height * scale), int.MaxValue));
    }

    /// <summary>The largest centered part with the aspect ratio of a target.</summary>
    public ImageFrame CropToShape((int Width, int Height) target)
    {
        (long wide, long high) = ((long)Width * target.Height, (long)Height * target.Width);
        if (wide == high)
        {
            return this;
        }

        int width = wide > high ? Math.Max((int)(high / target.Height), 1) : Width;
        int height = wide < high ? Math.Max((int)(wide / target.Width), 1) : Height;
        return Crop(Center(width, height));
    }

    /// <summary>A centered window.</summary>
    /// <exception cref="ImageDataException">The frame is smaller than the window.</exception>
    public ImageWindow Center(int width, int height)
    {
        ThrowIfSmaller(width, height);
        return new ImageWindow((Width - width) / 2, (Height - height) / 2, width, height);
    }

    /// <summary>A window at a uniformly random place.</summary>
    /// <param name="width">In pixels.</param>
    /// <param name="height">In pixels.</param>
    /// <param name="draws">The random stream; uses augmentation numbers 1 and 2.</param>
    /// <exception cref="ImageDataException">The frame is smaller than the window.</exception>
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
                $"it has {Width} x {Height} pixels, fewer than a crop of {width} x {height}. Use ImageTransform.Resize before the crop.");
        }
    }
}
