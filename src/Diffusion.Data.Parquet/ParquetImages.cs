namespace Diffusion.Data.Parquet;

/// <summary>
/// The images of Parquet files in the layout of Hugging Face datasets, read and decoded on demand. Each row is an image, in the order of
/// the files and their rows. Row groups are read completely and cached, so reading neighboring images is fastest
/// (<see cref="GroupSizes"/>). Labels are read when the files are opened.
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

    /// <summary>The full path of each file, in the order of the images.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The names of the classes, by label, from the metadata of Hugging Face's library; empty without it.</summary>
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
    /// The largest <see cref="LoadingOptions.ShuffleWindow"/> whose row groups fit in <see cref="ParquetImageOptions.CacheBytes"/>, 1 to
    /// <see cref="Count"/>, so that an epoch reads each row group about once. With a larger window row groups are read repeatedly, in the
    /// worst case once per image.
    /// </summary>
    public int MaxShuffleWindow { get; }

    /// <summary>The number of images in each row group, in order.</summary>
    public IReadOnlyList<long> GroupSizes => images.GroupSizes!;

    /// <summary>Opens a file, the files of a folder, or the files that match a pattern.</summary>
    /// <param name="path">
    /// A file; a folder, whose <c>*.parquet</c> files are read, including subfolders; or a pattern such as <c>data/train-*.parquet</c>.
    /// Files are sorted by path, ordinally. Hidden files, system files and files whose names begin with _ are ignored and counted in
    /// <see cref="Report"/>.
    /// </param>
    /// <param name="size">The height and width of every image after preparation, in pixels.</param>
    /// <param name="channels">3 (default) for RGB, 1 for grayscale, whatever the files contain.</param>
    /// <param name="options">Columns, classes and memory; null for the defaults.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">
    /// The file does not exist; there are several splits and none was chosen; a file is damaged, lacks a column or is a Git LFS pointer; a
    /// label is missing or out of range; or the images are paths to missing files.
    /// </exception>
    public static ParquetImages Open(string path, int size, int channels = 3, ParquetImageOptions? options = null) =>
        Open(path, new ImagePreparation { Size = size, Channels = channels }, options ?? new ParquetImageOptions());

    /// <summary>Opens a file, the files of a folder, or the files that match a pattern, with full control over their preparation.</summary>
    /// <param name="path">A file, a folder or a pattern.</param>
    /// <param name="preparation">The size, channels and transforms of the images.</param>
    /// <param name="options">Columns, classes and memory.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">See the first overload.</exception>
    /// <exception cref="ArgumentException">A value of the preparation or the options is out of range.</exception>
    public static ParquetImages Open(string path, ImagePreparation preparation, ParquetImageOptions options)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return Open(path, skipped => ParquetFileNames.Find(path, options.Split, skipped), preparation, options);
    }

    /// <summary>Opens several files.</summary>
    /// <param name="files">The files, in the order of their images; at least one.</param>
    /// <param name="preparation">The size, channels and transforms of the images.</param>
    /// <param name="options">Columns, classes and memory.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">See the first overload.</exception>
    /// <exception cref="ArgumentException">The list is empty, or a value of the preparation or the options is out of range.</exception>
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

    /// <summary>The description, and what was skipped.</summary>
    /// <returns>One line, then one for each reason for skipping something.</returns>
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
