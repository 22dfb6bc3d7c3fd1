namespace Diffusion.Training;

/// <summary>
/// The images of a folder and its sub-folders, read and decoded as they are needed. Where images lie only in sub-folders, two or more, each
/// sub-folder is a class and everything below it belongs to it; otherwise there are no labels. The order is that of the paths, by
/// their characters' codes, on every system. Files and folders that are hidden or begin with a dot are passed over.
/// <see cref="InMemoryImages.Load"/> keeps a small set in memory.
/// </summary>
public sealed class ImageFolder : IImageSource
{
    private readonly EncodedImageSource images;

    private ImageFolder(ImageFolderFiles files, ImagePreparation preparation)
    {
        images = new EncodedImageSource(files, preparation);
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
    public ImageSourceReport Report => images.Report;

    /// <inheritdoc/>
    public int? ClassCount => images.ClassCount;

    /// <inheritdoc/>
    public string Description => images.Description;

    /// <inheritdoc/>
    public bool IsInMemory => images.IsInMemory;

    /// <inheritdoc/>
    public IReadOnlyList<ImageTransform> Transforms => images.Transforms;

    /// <summary>Finds the images of a folder. Nothing is decoded yet.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="size">Height and width that every image gets, in pixels.</param>
    /// <param name="channels">3 (default) for RGB, 1 for grey, whatever the files hold.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">The folder is missing, cannot be read or holds no image.</exception>
    public static ImageFolder Open(string folder, int size, int channels = 3) =>
        Open(folder, new ImagePreparation { Size = size, Channels = channels });

    /// <summary>Finds the images of a folder. Nothing is decoded yet.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="preparation">How every image comes to its size.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">The folder is missing, cannot be read or holds no image.</exception>
    /// <exception cref="ArgumentException">The preparation has an impossible value.</exception>
    public static ImageFolder Open(string folder, ImagePreparation preparation)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentNullException.ThrowIfNull(preparation);
        preparation.Check();
        return new ImageFolder(ImageFolderFiles.Find(folder), preparation);
    }

    /// <inheritdoc/>
    public long LabelOf(long index) => images.LabelOf(index);

    /// <inheritdoc/>
    public string NameOf(long index) => images.NameOf(index);

    /// <summary>The description, and what was left out.</summary>
    /// <returns>One line, and one more for each reason for which something was left out.</returns>
    public override string ToString() => Report.ToString(Description);

    /// <inheritdoc/>
    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default) =>
        images.Read(index, destination, draws, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => images.Dispose();
}
