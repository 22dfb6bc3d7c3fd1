namespace Diffusion.Training;

/// <summary>
/// The images of a folder and its sub-folders, decoded into memory as bytes. Where images lie only in sub-folders, two or more, each
/// sub-folder is a class and everything below it belongs to it; otherwise there are no labels. The order is that of the paths, by
/// their characters' codes, on every system. Files and folders that are hidden or begin with a dot are passed over.
/// </summary>
public sealed class ImageFolder : IImageSource
{
    private readonly ByteImages images;

    private ImageFolder(ByteImages images, ImageFolderFiles files)
    {
        this.images = images;
        Files = files.Paths;
        ClassNames = files.ClassNames;
    }

    /// <summary>The extensions that are looked for, in upper or lower case.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"];

    /// <summary>The full path of each image, by its index.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The names of the classes, by their label; empty when there are no labels.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public long Count => images.Count;

    /// <inheritdoc/>
    public ImageShape Shape => images.Shape;

    /// <inheritdoc/>
    public PixelEncoding Encoding => images.Encoding;

    /// <inheritdoc/>
    public int? ClassCount => images.ClassCount;

    /// <inheritdoc/>
    public string Description => images.Description;

    /// <summary>
    /// Finds, checks and decodes every image of a folder, on all cores. All files that cannot be used are named in one error,
    /// and their sizes are looked at before any is decoded.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="size">Height and width that every image gets, in pixels.</param>
    /// <param name="channels">3 (default) for RGB, 1 for grey, whatever the files hold.</param>
    /// <param name="resize">What happens to images of other sizes. Default <see cref="ImageResize.CropToFill"/>.</param>
    /// <param name="background">What shows through where an image is transparent. Default white.</param>
    /// <param name="pixelLimit">The most pixels that a file may have. Default 64 megapixels.</param>
    /// <param name="memoryLimit">The most bytes that all images may take, <c>count * size * size * channels</c>; at most and by default 2 GiB.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">
    /// The folder is missing or holds no image, files cannot be used, sizes differ under <see cref="ImageResize.None"/>, or the images are
    /// over the memory limit.
    /// </exception>
    public static ImageFolder Open(
        string folder,
        int size,
        int channels = 3,
        ImageResize resize = ImageResize.CropToFill,
        RgbColor? background = null,
        long pixelLimit = ImageDecoding.DefaultPixelLimit,
        long memoryLimit = int.MaxValue)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        if (channels is not (1 or 3))
        {
            throw new ArgumentOutOfRangeException(nameof(channels), channels, $"Channels are {channels}, but must be 1 (grey) or 3 (RGB).");
        }

        ImageFolderFiles files = ImageFolderFiles.Find(folder);
        ImageShape shape = ImageShape.Square(size, channels);
        long bytes = files.Paths.Count * shape.Elements;
        if (bytes > Math.Min(memoryLimit, Array.MaxLength))
        {
            throw new ImageDataException(
                folder, $"{files.Paths.Count} images {shape} take {bytes} bytes, over the limit of {Math.Min(memoryLimit, Array.MaxLength)}. "
                + "Choose a smaller size, or train on part of them.");
        }

        ImageDecoding decoding = new() { Channels = channels, Background = background ?? RgbColor.White, PixelLimit = pixelLimit };
        byte[] pixels = new ImageFolderDecoder(folder, files.Paths, decoding).Decode(size, resize);
        string classes = files.Labels is null ? string.Empty : $", {files.ClassNames.Count} classes";
        string description = $"{files.Paths.Count} images {shape} from {folder}{classes}";
        return new ImageFolder(new ByteImages(pixels, shape, files.Labels, files.ClassNames.Count, description), files);
    }

    /// <inheritdoc/>
    public long LabelOf(long index) => images.LabelOf(index);

    /// <inheritdoc/>
    public void Read(long index, Span<byte> destination) => images.Read(index, destination);

    /// <inheritdoc/>
    public void Dispose() => images.Dispose();
}
