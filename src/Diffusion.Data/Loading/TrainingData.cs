using System.Globalization;
namespace Diffusion.Data;

/// <summary>The images of a run: which are held out, and which stands at each position, also after the set was extended.</summary>
/// <param name="source">All images.</param>
/// <param name="heldOutFraction">The part of them that is held out, 0 to 0.5.</param>
/// <param name="batchSize">Images per step.</param>
/// <param name="loading">How they are shuffled.</param>
/// <param name="seeds">The seed of the run.</param>
internal sealed class TrainingData(IImageSource source, double heldOutFraction, int batchSize, LoadingOptions loading, SeedStream seeds)
{
    private readonly DataExtent whole = new(0, source.Count, DataFingerprint.Of(source, source.Count));
    private IReadOnlyList<DataExtent>? extents;

    /// <summary>How many images the run has had from when on.</summary>
    public IReadOnlyList<DataExtent> Extents => extents ??= [whole];

    /// <summary>Which images are held out: of the first extent, so that losses before and after an extension can be compared.</summary>
    public HeldOutSplit Split => SplitOf(Extents, source.Count);

    /// <summary>Which image each position of the run reads.</summary>
    public ISampleOrder Order() => new ExtendedOrder([.. Extents.Select(extent => (extent.Position, OrderOf(Extents, extent)))]);

    /// <summary>
    /// How a run goes on: the images that it had stay where they were until its epoch ends, and those added to them come in after that.
    /// Nothing is changed yet.
    /// </summary>
    /// <param name="saved">The extents of the run.</param>
    /// <param name="position">Where it goes on.</param>
    public DataContinuation Continue(IReadOnlyList<DataExtent> saved, long position)
    {
        DataExtent[] begun = Begun(saved, position);
        DataExtent last = begun[^1];
        if (begun.Select(TooSmall).FirstOrDefault(problem => problem is not null) is { } tooSmall)
        {
            return new DataContinuation(begun, null, tooSmall);
        }

        if (source.Count == last.Count)
        {
            string? joined = DataFingerprint.Join(last.Fingerprint, whole.Fingerprint);
            return joined is not null
                ? new DataContinuation([.. begun[..^1], last with { Fingerprint = joined }], null, null)
                : Others([.. begun[..^1], last with { Fingerprint = whole.Fingerprint }],
                    $"the {whole.Count} images, their labels, or how they are prepared, are not as they were");
        }

        string change = string.Create(CultureInfo.InvariantCulture, $"number of images was {last.Count} and is {source.Count}");
        if (source.Count < last.Count || DataFingerprint.Join(last.Fingerprint, DataFingerprint.Of(source, last.Count)) is null)
        {
            return Others([whole],
                $"{change}, of which the first are others: from here on some images of this epoch may come twice and others not at all");
        }

        TrainingOrder order = OrderOf(begun, last);
        long next = last.Position + (ExtendedOrder.EpochsBetween(order, last.Position, position) * order.EpochLength);
        return new DataContinuation(
            next == 0 ? [whole] : [.. begun, whole with { Position = next }],
            string.Create(CultureInfo.InvariantCulture, $"{change}; those added come in with the next epoch, after {next} images seen"),
            null);
    }

    /// <summary>Goes on so.</summary>
    public void Use(DataContinuation continuation) => extents = continuation.Extents;

    // An extension that had not come in yet may have become another meanwhile.
    private static DataExtent[] Begun(IReadOnlyList<DataExtent> saved, long position) =>
        [.. saved.TakeWhile(extent => extent.Position == 0 || extent.Position < position)];

    // Where images are held out, others must not take their places: held-out ones would be trained on.
    private DataContinuation Others(IReadOnlyList<DataExtent> extents, string change) => new(
        extents, change, heldOutFraction == 0
            ? null
            : $"{change}; as some are held out, these would be trained on, so use the images it had, with those that were added behind them") { IsOther = true };

    private string? TooSmall(DataExtent extent)
    {
        long images = SplitOf([extent], extent.Count).TrainingCount;
        return loading.DropLast && batchSize > images
            ? $"BatchSize is {batchSize}, but an epoch of the run had {images} images, of which DropLast would leave none"
            : null;
    }

    private HeldOutSplit SplitOf(IReadOnlyList<DataExtent> extents, long count) =>
        new HeldOutSplit(extents[0].Count, heldOutFraction, seeds).ExtendTo(count);

    private TrainingOrder OrderOf(IReadOnlyList<DataExtent> extents, DataExtent extent) =>
        new TrainingOrder([.. DataFingerprint.Groups(source, extent.Count)], SplitOf(extents, extent.Count), seeds, loading, batchSize);
}
