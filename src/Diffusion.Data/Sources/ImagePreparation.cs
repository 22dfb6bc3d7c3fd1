namespace Diffusion.Data;

/// <summary>How an image file becomes an image to train on: square, of one size and one number of channels.</summary>
public sealed record ImagePreparation
{
    /// <summary>Height and width that every image gets, in pixels, at least 1.</summary>
    public required int Size { get; init; }

    /// <summary>3 (default) for RGB, 1 for grey, whatever the files hold.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>What happens to images of other sizes. Default <see cref="ImageResize.CropToFill"/>.</summary>
    public ImageResize Resize { get; init; } = ImageResize.CropToFill;

    /// <summary>
    /// What is done to each image as it is read, in order: crops and resizes first, which work on the image as it was decoded, then changes
    /// of pixels, which work at <see cref="Size"/>. Default nothing.
    /// </summary>
    public IReadOnlyList<ImageTransform> Transforms { get; init; } = [];

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

        ArgumentNullException.ThrowIfNull(Transforms);
        _ = new TransformList(Transforms, [], Channels);
    }
}
