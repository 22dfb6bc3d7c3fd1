namespace Diffusion.Data;

/// <summary>How image files become images to train on: square, with equal size and number of channels.</summary>
public sealed record ImagePreparation
{
    /// <summary>The height and width of every image after preparation, in pixels, at least 1.</summary>
    public required int Size { get; init; }

    /// <summary>3 (default) for RGB, 1 for grayscale, whatever the files contain.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>How images of other sizes are handled. Default <see cref="ImageResize.CropToFill"/>.</summary>
    public ImageResize Resize { get; init; } = ImageResize.CropToFill;

    /// <summary>
    /// The transforms of each image, in order: first crops and resizes, which apply to the decoded image, then changes of pixels, which
    /// apply at <see cref="Size"/>. Default none.
    /// </summary>
    public IReadOnlyList<ImageTransform> Transforms { get; init; } = [];

    /// <summary>The background of transparent images. Default white.</summary>
    public RgbColor Background { get; init; } = RgbColor.White;

    /// <summary>The maximum number of pixels in a file, at least 1. Default 64 megapixels.</summary>
    public long PixelLimit { get; init; } = ImageDecoding.DefaultPixelLimit;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Size, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(PixelLimit, 1);
        if (Channels is not (1 or 3))
        {
            throw new ArgumentOutOfRangeException(
                nameof(Channels), Channels, $"Channels is {Channels}, but must be 1 (grayscale) or 3 (RGB).");
        }

        ArgumentNullException.ThrowIfNull(Transforms);
        _ = new TransformList(Transforms, [], Channels);
    }
}
