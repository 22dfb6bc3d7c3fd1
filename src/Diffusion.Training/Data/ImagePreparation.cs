namespace Diffusion.Training;

/// <summary>How an image file becomes an image to train on: square, of one size and one number of channels.</summary>
public sealed record ImagePreparation
{
    /// <summary>Height and width that every image gets, in pixels, at least 1.</summary>
    public required int Size { get; init; }

    /// <summary>3 (default) for RGB, 1 for grey, whatever the files hold.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>What happens to images of other sizes. Default <see cref="ImageResize.CropToFill"/>.</summary>
    public ImageResize Resize { get; init; } = ImageResize.CropToFill;

    /// <summary>Where the square is cut out of an image with <see cref="ImageResize.CropToFill"/>. Default the middle.</summary>
    public ImageCrop Crop { get; init; } = ImageCrop.Center;

    /// <summary>
    /// With <see cref="ImageCrop.Random"/>, the least side of the square as a share of the image's shorter side, above 0 and at most 1.
    /// Each reading draws its side evenly between this and 1. Default 1: as large as fits.
    /// </summary>
    public double SmallestCrop { get; init; } = 1;

    /// <summary>What shows through where an image is transparent. Default white.</summary>
    public RgbColor Background { get; init; } = RgbColor.White;

    /// <summary>The most pixels that a file may have. Default 64 megapixels.</summary>
    public long PixelLimit { get; init; } = ImageDecoding.DefaultPixelLimit;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Size, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(PixelLimit, 1);
        if (Channels is not (1 or 3))
        {
            throw new ArgumentOutOfRangeException(nameof(Channels), Channels, $"Channels are {Channels}, but must be 1 (grey) or 3 (RGB).");
        }

        if (SmallestCrop is not (> 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(
                nameof(SmallestCrop), SmallestCrop, $"SmallestCrop is {SmallestCrop}, but must be above 0 and at most 1. Use 0.8, or 1 for squares as large as fit.");
        }
    }
}
