namespace Diffusion.Data.Parquet;

/// <summary>
/// The images of Parquet files in the layout of Hugging Face's data sets, read and decoded as they are needed. A row is an image; the order
/// is that of the files and of their rows. A row group is read at once and kept for its neighbours, so blocks of neighbours are read
/// fastest (<see cref="GroupSizes"/>). Labels are read when the files are opened.
/// </summary>
public sealed class ParquetImages : IImageSource
{
    private readonly EncodedImageSource images;

    private ParquetImages(ParquetImageFiles files, ImagePreparation preparation)
    {
        images = new EncodedImageSource(files, preparation);
        Files = files.Paths;
        ClassNames = files.ClassNames;
        MaxShuffleWindow = files.MaxShuffleWindow;
    }

    /// <summary>The full path of each file, in the order of its images.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The names of the classes, by their label, where the files hold them for Hugging Face's library; otherwise empty.</summary>
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

    /// <summary>
    /// The largest <see cref="LoadingOptions.ShuffleWindow"/> at which an epoch reads each row group about once, 1 to <see cref="Count"/>:
    /// as many images as <see cref="ParquetImageOptions.CacheBytes"/> holds with their row groups. With a larger one row groups are read
    /// again and again, at worst one for each image.
    /// </summary>
    public int MaxShuffleWindow { get; }

    /// <summary>The number of images of each row group, in order.</summary>
    public IReadOnlyList<long> GroupSizes => images.GroupSizes!;

    /// <summary>Opens a file, the files of a folder, or those that a pattern matches.</summary>
    /// <param name="path">
    /// A file; a folder, of which every <c>*.parquet</c> is read, also in folders within; or a pattern such as <c>data/train-*.parquet</c>.
    /// Files come in the order of their paths, by their characters' codes. Hidden files and those of the system are passed over, and files
    /// whose names begin with _; <see cref="Report"/> counts them.
    /// </param>
    /// <param name="size">Height and width that every image gets, in pixels.</param>
    /// <param name="channels">3 (default) for RGB, 1 for grey, whatever the files hold.</param>
    /// <param name="options">Columns, classes and memory; null for the defaults.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">
    /// There is no such file, there are several splits such as train and test and none was chosen, a file is damaged, lacks a column or is
    /// a Git LFS pointer, a label is missing or out of range, or the images are named but not held, and not in the folder either.
    /// </exception>
    public static ParquetImages Open(string path, int size, int channels = 3, ParquetImageOptions? options = null) =>
        Open(path, new ImagePreparation { Size = size, Channels = channels }, options ?? new ParquetImageOptions());

    /// <summary>Opens a file, the files of a folder, or those that a pattern matches, as above.</summary>
    /// <param name="path">A file, a folder or a pattern.</param>
    /// <param name="preparation">How every image comes to its size.</param>
    /// <param name="options">Columns, classes and memory.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">As above.</exception>
    /// <exception cref="ArgumentException">The preparation or an option has an impossible value.</exception>
    public static ParquetImages Open(string path, ImagePreparation preparation, ParquetImageOptions options)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return Open(path, skipped => ParquetFileNames.Find(path, options.Split, skipped), preparation, options);
    }

    /// <summary>Opens several files.</summary>
    /// <param name="files">The files, in the order that their images get; at least one.</param>
    /// <param name="preparation">How every image comes to its size.</param>
    /// <param name="options">Columns, classes and memory.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">As above.</exception>
    /// <exception cref="ArgumentException">There is no file, or the preparation or an option has an impossible value.</exception>
    public static ParquetImages Open(IReadOnlyList<string> files, ImagePreparation preparation, ParquetImageOptions options)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (files.Count == 0)
        {
            throw new ArgumentException("There is no file, but at least one is needed.", nameof(files));
        }

        return Open($"{files.Count} Parquet files", skipped => ParquetFileNames.Named(files, options.Split, skipped), preparation, options);
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

    private static ParquetImages Open(string name, Func<SkippedImageList, string[]> find, ImagePreparation preparation,
        ParquetImageOptions options)
    {
        ArgumentNullException.ThrowIfNull(preparation);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        SkippedImageList skipped = new();
        string? folder = Directory.Exists(name) ? Path.GetFullPath(name) : null;
        return new ParquetImages(ParquetImageFiles.Open(name, find(skipped), options, folder, skipped), preparation);
    }
}
