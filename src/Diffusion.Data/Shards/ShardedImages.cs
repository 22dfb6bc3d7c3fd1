namespace Diffusion.Data;

/// <summary>
/// The images of WebDataset shards: .tar or .tar.gz files, local or on http servers, whose samples are files of one key (<c>000123.jpg</c>,
/// <c>000123.cls</c>). Shards are read in the middle, not from the beginning: each has an index, which is made by going through the shard's
/// headers and labels once, and kept in <see cref="ShardOptions.CacheFolder"/> for as long as the shard is the same. For shards on servers
/// <see cref="ShardWriter"/> lays one beside.
/// </summary>
/// <remarks>
/// A gzip file, whatever its name, is unpacked into the cache folder when it is first used. A .tar on a server is read while it is fetched.
/// A key goes up to the first dot of a path's last part. Files that are hidden, have no dot, or lie under a name like <c>__this__</c> are
/// passed over. The files of a sample must lie together, and each extension comes once. Hard and symbolic links are the files that they
/// name. The label is the whole number in <c>cls</c>, or <c>label</c> or <c>cls</c> in <c>json</c>. What was passed over, and samples
/// without an image, are counted in <see cref="Report"/>.
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
    /// What was left out, shard by shard with the reason: damaged shards, and samples whose labels or images cannot be read. See
    /// <see cref="ShardOptions.SkipDamaged"/>.
    /// </summary>
    public IReadOnlyList<ImageDataException> Damaged { get; }

    /// <summary>
    /// Shards whose local copy is used although their server could not be asked whether they have changed, each with the reason.
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

    /// <summary>Opens shards. Those without an index are read through once, on all cores.</summary>
    /// <param name="pattern">
    /// A folder with .tar, .tar.gz and .tgz files; a file; an http or https address; with <c>{000000..000127}</c> or <c>{a,b}</c> in them;
    /// several joined by <c>::</c>. Relative paths are resolved now.
    /// </param>
    /// <param name="preparation">How every image comes to its size.</param>
    /// <param name="options">
    /// Extensions, labels, filters, and where things are kept. Default <see cref="ShardOptions"/> as they are.
    /// </param>
    /// <param name="cancellationToken">Ends the opening early.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">
    /// Shards are missing, damaged, or cannot be fetched (the first five are named in one error), hold no image, have labels in part or
    /// above <see cref="ShardOptions.ClassCount"/>, or are of several splits of which none was chosen.
    /// </exception>
    /// <exception cref="ArgumentException">The preparation has an impossible value.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
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
                    $"its {names.Count} shards hold no sample{(options.Where is null ? string.Empty : " that Where lets pass")}.");
            }

            int? classes = ShardClasses.CountOf(shown, survey, store, options, cancellationToken);
            string description =
                $"{survey.Count} images from {survey.Names.Count} shards of "
                    + $"{shown}{(classes is null ? string.Empty : $", {classes} classes")}";
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

    /// <summary>The description, what was left out, and the <see cref="Warnings"/>.</summary>
    /// <returns>One line, and one more for each reason for which something was left out and for each warning.</returns>
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
