namespace Diffusion.Data;

/// <summary>
/// The images of a folder and its subfolders, read and decoded on demand. If two or more subfolders contain images, each subfolder is a
/// class that includes everything below it; otherwise the images have no labels. <see cref="Report"/> lists what was skipped.
/// <see cref="InMemoryImages.Load"/> keeps a small set in memory.
/// </summary>
/// <remarks>
/// <para>
/// The images are sorted by path, ordinally, on every system. A folder that contains nothing but a single folder is entered.
/// </para>
/// <para>
/// Images next to two or more class folders are skipped if they are in the minority; if they are in the majority, all images are used,
/// without labels. Folders whose names are all names of splits (<c>train</c>, <c>val</c>, <c>test</c> and variants) are not classes: a
/// single split is entered, and of several the <c>split</c> parameter selects one.
/// </para>
/// <para>
/// Symbolic links are followed, but every folder is read once: under its own name if it is below this folder, otherwise through its first
/// link. Hidden files and system files (<c>.git</c>, <c>@eaDir</c>, <c>__MACOSX</c> and the like) are ignored.
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
    public static IReadOnlyList<string> Extensions => ImageNames.Supported;

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
    /// <param name="size">The height and width of every image after preparation, in pixels.</param>
    /// <param name="channels">3 (default) for RGB, 1 for grayscale, whatever the files contain.</param>
    /// <param name="split">
    /// The split to use when the folder contains several, such as <c>train</c> and <c>test</c>: the name of its folder, another name of the
    /// same split (<c>val</c> and <c>validation</c> are the same), or <c>all</c> to mix them. Default null: the only split; several are an
    /// error.
    /// </param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">
    /// The folder is missing, cannot be read or contains no images; it contains several splits and none was chosen, or the chosen split is
    /// missing; or the name of a file or folder is not valid UTF-8.
    /// </exception>
    /// <exception cref="ArgumentException">The size or the number of channels is out of range.</exception>
    public static ImageFolder Open(string folder, int size, int channels = 3, string? split = null) =>
        Open(folder, new ImagePreparation { Size = size, Channels = channels }, split);

    /// <summary>Finds the images of a folder with one split, with full control over their preparation. Nothing is decoded yet.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="preparation">The size, channels and transforms of the images.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">See the first overload.</exception>
    /// <exception cref="ArgumentException">A value of the preparation is out of range.</exception>
    public static ImageFolder Open(string folder, ImagePreparation preparation) => Open(folder, preparation, split: null);

    /// <summary>Finds the images of a folder, with full control over their preparation. Nothing is decoded yet.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="preparation">The size, channels and transforms of the images.</param>
    /// <param name="split">The split to use; see the first overload. Null for the only one.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">See the first overload.</exception>
    /// <exception cref="ArgumentException">A value of the preparation is out of range.</exception>
    public static ImageFolder Open(string folder, ImagePreparation preparation, string? split)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ArgumentNullException.ThrowIfNull(preparation);
        preparation.Check();
        return new ImageFolder(ImageFolderFiles.Find(folder, split), preparation);
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
