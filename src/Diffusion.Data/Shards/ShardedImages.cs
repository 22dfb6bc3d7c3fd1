namespace Diffusion.Data;

/// <summary>
/// The images of WebDataset shards: .tar or .tar.gz files, local or on http servers, in which the files of a sample share a key
/// (<c>000123.jpg</c>, <c>000123.cls</c>). Shards are accessed at random through an index, which is made by scanning the headers and labels
/// of the shard once, and kept in <see cref="ShardOptions.CacheFolder"/> until the shard changes. <see cref="ShardWriter"/> writes an index
/// next to each shard, for use on servers.
/// </summary>
/// <remarks>
/// A gzip file, whatever its name, is unpacked into the cache folder on first use. A .tar file on a server is read while it is being
/// fetched. A key ends at the first dot of the file name. Files that are hidden, have no extension, or are below a name like
/// <c>__this__</c> are ignored. The files of a sample must be contiguous, with one file per extension. Hard and symbolic links stand for
/// their targets. The label is the integer in <c>cls</c>, or <c>label</c> or <c>cls</c> in <c>json</c>. Ignored files and samples without
/// an image are counted in <see cref="Report"/>.
/// </remarks>
public sealed class ShardedImages : IImageSource
{
    private readonly EncodedImageSource images;

    private ShardedImages(IEncodedImages files, ImagePreparation preparation, IReadOnlyList<ImageDataException> damaged,
        IReadOnlyList<string> warnings)
    {
        images = new EncodedImageSource(files, preparation);
        Damaged = damaged;
        Warnings = warnings;
    }

    /// <summary>
    /// What was skipped, with the reason for each shard: damaged shards, and samples whose labels or images cannot be read. See
    /// <see cref="ShardOptions.SkipDamaged"/>.
    /// </summary>
    public IReadOnlyList<ImageDataException> Damaged { get; }

    /// <summary>
    /// Shards whose local copy is used because their server could not be reached to check for changes, each with the reason.
    /// </summary>
    public IReadOnlyList<string> Warnings { get; }

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

    /// <inheritdoc/>
    public IReadOnlyList<long>? GroupSizes => images.GroupSizes;

    /// <summary>Opens shards. Shards without an index are scanned once, on all cores.</summary>
    /// <param name="pattern">
    /// A folder with .tar, .tar.gz and .tgz files, a file, or an http or https address. May contain <c>{000000..000127}</c> or
    /// <c>{a,b}</c>; <c>::</c> joins several. Relative paths are resolved immediately.
    /// </param>
    /// <param name="preparation">The size, channels and transforms of the images.</param>
    /// <param name="options">Extensions, labels, filters and caches; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels the opening.</param>
    /// <returns>The source; the caller disposes it.</returns>
    /// <exception cref="ImageDataException">
    /// Shards are missing, damaged or cannot be fetched (the error names the first five); they contain no image; only some samples have
    /// labels, or a label is too large for <see cref="ShardOptions.ClassCount"/>; or there are several splits and none was chosen.
    /// </exception>
    /// <exception cref="ArgumentException">A value of the preparation is out of range.</exception>
    /// <exception cref="OperationCanceledException">The operation was canceled.</exception>
    public static ShardedImages Open(string pattern, ImagePreparation preparation, ShardOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(pattern);
        ArgumentNullException.ThrowIfNull(preparation);
        preparation.Check();
        options ??= new ShardOptions();
        SkippedImageList skipped = new();
        IReadOnlyList<string> names = ShardList.Expand(pattern, options.Split, skipped);
        string shown = RemoteAddress.Shown(pattern);
        ShardStore store = new(options);
        try
        {
            ShardSurvey survey = ShardSurvey.Of(shown, names, store, options, skipped, cancellationToken);
            if (survey.Count == 0)
            {
                throw new ImageDataException(shown,
                    $"its {names.Count} shards contain no samples{(options.Where is null ? string.Empty : " that Where selects")}.");
            }

            int? classes = ShardClasses.CountOf(shown, survey, store, options, cancellationToken);
            string description =
                $"{survey.Count} images from {survey.Names.Count} shards of {shown}"
                + (classes is null ? string.Empty : $", {classes} classes");
            ShardFiles files = new(survey, store, classes, description, skipped.ToReport(survey.Count), options.Fetching.Time);
            return new ShardedImages(files, preparation, survey.Damaged, store.Warnings);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public long LabelOf(long index) => images.LabelOf(index);

    /// <inheritdoc/>
    public string NameOf(long index) => images.NameOf(index);

    /// <summary>The description, what was skipped, and the <see cref="Warnings"/>.</summary>
    /// <returns>One line, then one for each reason for skipping something and for each warning.</returns>
    public override string ToString() => string.Join(Environment.NewLine, Warnings.Prepend(Report.ToString(Description)));

    /// <inheritdoc/>
    public void Announce(ReadOnlySpan<long> indices, CancellationToken cancellationToken = default) =>
        images.Announce(indices, cancellationToken);

    /// <inheritdoc/>
    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default) =>
        images.Read(index, destination, draws, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => images.Dispose();
}
