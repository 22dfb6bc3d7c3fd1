namespace Diffusion.Data;

/// <summary>
/// The images of a folder and its sub-folders, read and decoded as they are needed. Where images lie in two or more sub-folders, each
/// sub-folder is a class and everything below it belongs to it; otherwise there are no labels. <see cref="Report"/> says what was left out.
/// <see cref="InMemoryImages.Load"/> keeps a small set in memory.
/// </summary>
/// <remarks>
/// <para>
/// The order is that of the paths, by their characters' codes, on every system. A folder that holds nothing but one folder is entered.
/// </para>
/// <para>
/// Images beside two or more class folders are left out where they are the fewer; where they are the most, all images are taken, without
/// labels. Folders that are all named as splits (<see cref="DataSplit"/>) are no classes: the only one is entered, and of several
/// <see cref="ImageFolderOptions.Split"/> chooses.
/// </para>
/// <para>
/// Symbolic links are followed, but every folder is read once: under its own name where it lies below this one, else through its first
/// link. Hidden files and those of the system (<see cref="SystemFiles"/>) are passed over.
/// </para>
/// </remarks>
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
    public static IReadOnlyList<string> Extensions => ImageNames.Read;

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
    /// <param name="options">Which images are taken; null for the defaults.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">
    /// The folder is missing, cannot be read or holds no image; it holds several splits and none was chosen, or not the one that was; or
    /// the name of a file or folder is not valid UTF-8.
    /// </exception>
    /// <exception cref="ArgumentException">Size or channels are impossible.</exception>
    public static ImageFolder Open(string folder, int size, int channels = 3, ImageFolderOptions? options = null) =>
        Open(folder, new ImagePreparation { Size = size, Channels = channels }, options ?? new ImageFolderOptions());

    /// <summary>Finds the images of a folder, as above.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="preparation">How every image comes to its size.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">As above.</exception>
    /// <exception cref="ArgumentException">The preparation has an impossible value.</exception>
    public static ImageFolder Open(string folder, ImagePreparation preparation) => Open(folder, preparation, new ImageFolderOptions());

    /// <summary>Finds the images of a folder, as above.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="preparation">How every image comes to its size.</param>
    /// <param name="options">Which images are taken.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">As above.</exception>
    /// <exception cref="ArgumentException">The preparation has an impossible value.</exception>
    public static ImageFolder Open(string folder, ImagePreparation preparation, ImageFolderOptions options)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentNullException.ThrowIfNull(preparation);
        ArgumentNullException.ThrowIfNull(options);
        preparation.Check();
        return new ImageFolder(ImageFolderFiles.Find(folder, options), preparation);
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
