using System.Collections.Concurrent;

namespace Diffusion.Training;

/// <summary>
/// The images of WebDataset shards: .tar or .tar.gz files, local or on http servers, whose samples are files of one key (<c>000123.jpg</c>,
/// <c>000123.cls</c>). Shards are read in the middle, not from the beginning: each has an index, which <see cref="ShardWriter"/> lays beside it and
/// which is otherwise made by reading the shard once, and kept in <see cref="ShardOptions.CacheFolder"/>.
/// </summary>
/// <remarks>
/// A .tar.gz is unpacked into the cache folder when it is first used, a shard on a server fetched whole. A key goes up to the first dot
/// of a path's last part. Files that are hidden, have no dot, or lie under a name like <c>__this__</c> are passed over. The files of a sample must lie
/// together, and each extension comes once. The label is the number in <c>cls</c>, or <c>label</c> or <c>cls</c> in <c>json</c>.
/// </remarks>
public sealed class ShardedImages : IImageSource
{
    private const int NamedShards = 5;

    private readonly EncodedImageSource images;

    private ShardedImages(IEncodedImages files, ImagePreparation preparation, IReadOnlyList<ImageDataException> damaged)
    {
        images = new EncodedImageSource(files, preparation);
        Damaged = damaged;
    }

    /// <summary>The shards that were left out because they are damaged, each with the reason; see <see cref="ShardOptions.LeaveOutDamaged"/>.</summary>
    public IReadOnlyList<ImageDataException> Damaged { get; }

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

    /// <inheritdoc/>
    public bool IsInMemory => images.IsInMemory;

    /// <inheritdoc/>
    public IReadOnlyList<long>? GroupSizes => images.GroupSizes;

    /// <summary>Opens shards. Those without an index are read through once, on all cores.</summary>
    /// <param name="pattern">
    /// A folder with .tar and .tar.gz files; a file; an http or https address; with <c>{000000..000127}</c> or <c>{a,b}</c> in them; several joined
    /// by <c>::</c>.
    /// </param>
    /// <param name="preparation">How every image comes to its size.</param>
    /// <param name="options">Extensions, labels, filters, and where things are kept. Default <see cref="ShardOptions"/> as they are.</param>
    /// <param name="cancellationToken">Ends the opening early.</param>
    /// <returns>The source; it belongs to the caller.</returns>
    /// <exception cref="ImageDataException">
    /// Shards are missing or damaged (all of them are named in one error), hold no image, or have labels in part.
    /// </exception>
    /// <exception cref="ArgumentException">The preparation has an impossible value.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ShardedImages Open(string pattern, ImagePreparation preparation, ShardOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(pattern);
        ArgumentNullException.ThrowIfNull(preparation);
        preparation.Check();
        options ??= new ShardOptions();
        IReadOnlyList<string> names = ShardList.Expand(pattern);
        ShardStore store = new(options);
        try
        {
            (ShardSummary?[] found, IReadOnlyList<ImageDataException> damaged) = Look(names, store, options, cancellationToken);
            if (damaged.Count > 0 && !options.LeaveOutDamaged)
            {
                throw new ImageDataException(
                    pattern, $"{damaged.Count} of {names.Count} shards cannot be used:{Environment.NewLine}"
                    + string.Join(Environment.NewLine, damaged.Take(NamedShards).Select(problem => problem.Message))
                    + (damaged.Count > NamedShards ? $"{Environment.NewLine}... and {damaged.Count - NamedShards} more." : string.Empty)
                    + $"{Environment.NewLine}Write them anew, or set ShardOptions.LeaveOutDamaged to train on the others.");
            }

            string[] usedNames = [.. names.Zip(found).Where(shard => shard.Second is not null).Select(shard => shard.First)];
            ShardSummary[] used = [.. found.OfType<ShardSummary>()];
            long count = used.Sum(shard => shard.Count);
            if (count == 0)
            {
                throw new ImageDataException(pattern, $"its {names.Count} shards hold no sample{(options.Where is null ? string.Empty : " that Where lets pass")}.");
            }

            int? classes = ClassCountOf(pattern, used, count, options);
            string description = $"{count} images from {used.Length} shards of {pattern}{(classes is null ? string.Empty : $", {classes} classes")}";
            return new ShardedImages(new ShardFiles(usedNames, store, [.. used.Select(shard => shard.Count)], classes, description), preparation, damaged);
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

    /// <inheritdoc/>
    public void Read(long index, Span<byte> destination) => images.Read(index, destination);

    /// <inheritdoc/>
    public void Read(long index, SeedStream draws, Span<byte> destination) => images.Read(index, draws, destination);

    /// <inheritdoc/>
    public void Dispose() => images.Dispose();

    private static (ShardSummary?[] Found, IReadOnlyList<ImageDataException> Damaged) Look(
        IReadOnlyList<string> names, ShardStore store, ShardOptions options, CancellationToken cancellationToken)
    {
        ShardSummary?[] found = new ShardSummary?[names.Count];
        ConcurrentDictionary<int, ImageDataException> damaged = new();
        bool asks = options.Where is not null || options.Map is not null;
        ParallelOptions parallel = new() { CancellationToken = cancellationToken, MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(0, names.Count, parallel, number =>
        {
            try
            {
                found[number] = asks ? Ask(names[number], store, cancellationToken) : ShardSummary.Of(store.IndexOf(names[number], cancellationToken));
            }
            catch (ImageDataException problem)
            {
                damaged[number] = problem;
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                damaged[number] = new ImageDataException(names[number], problem.Message, problem);
            }
        });
        return (found, [.. damaged.OrderBy(problem => problem.Key).Select(problem => problem.Value)]);
    }

    private static ShardSummary Ask(string name, ShardStore store, CancellationToken cancellationToken)
    {
        using Shard shard = store.Open(name, cancellationToken);
        return new ShardSummary(
            shard.Picks.Count, shard.Picks.Count(pick => pick.Label >= 0), shard.Picks.Select(pick => pick.Label).DefaultIfEmpty(-1).Max());
    }

    private static int? ClassCountOf(string pattern, ShardSummary[] shards, long count, ShardOptions options)
    {
        long labelled = shards.Sum(shard => shard.Labelled);
        return labelled == 0 && options.ClassCount is null ? null
            : labelled == count ? SourceGuard.ClassCount(shards.Max(shard => shard.HighestLabel), options.ClassCount, pattern)
            : throw new ImageDataException(
                pattern, $"{labelled} of {count} samples have a label, but all must have one, or none. Choose with ShardOptions.Where, or give labels with Map.");
    }

    /// <summary>How many samples of a shard are used, and their classes.</summary>
    private sealed record ShardSummary(long Count, long Labelled, int HighestLabel)
    {
        public static ShardSummary Of(ShardIndex index) => new(index.Count, index.Labelled, index.HighestLabel);
    }
}
