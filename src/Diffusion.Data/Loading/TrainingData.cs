using System.Globalization;

namespace Diffusion.Data;

/// <summary>The images of a run: which are held out, and which is at each position, even after the set was extended.</summary>
/// <param name="source">The images.</param>
/// <param name="heldOutFraction">The fraction of images to hold out, 0 to 0.5.</param>
/// <param name="batchSize">The number of images in a step.</param>
/// <param name="loading">The shuffle settings.</param>
/// <param name="seeds">The seed stream of the run.</param>
internal sealed class TrainingData(IImageSource source, double heldOutFraction, int batchSize, LoadingOptions loading, SeedStream seeds)
{
    private readonly DataExtent whole = new(0, source.Count, DataFingerprint.Of(source, source.Count));
    private IReadOnlyList<DataExtent>? extents;

    /// <summary>The number of images of the run from each epoch on.</summary>
    public IReadOnlyList<DataExtent> Extents => extents ??= [whole];

    /// <summary>The held-out images, all from the first extent, so that losses before and after an extension are comparable.</summary>
    public HeldOutSplit Split => SplitOf(Extents, source.Count);

    /// <summary>The image at each position of the run.</summary>
    public ISampleOrder Order() => new ExtendedOrder([.. Extents.Select(extent => (extent.Position, OrderOf(Extents, extent)))]);

    /// <summary>
    /// Determines how a resumed run continues: its images keep their positions until the current epoch ends, and added images are used from
    /// the next epoch on. Changes nothing yet.
    /// </summary>
    /// <param name="saved">The saved extents of the run.</param>
    /// <param name="position">The position where the run resumes.</param>
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
                    $"the {whole.Count} images, their labels or their preparation have changed");
        }

        string change = string.Create(CultureInfo.InvariantCulture, $"number of images was {last.Count} and is now {source.Count}");
        if (source.Count < last.Count || DataFingerprint.Join(last.Fingerprint, DataFingerprint.Of(source, last.Count)) is null)
        {
            return Others([whole],
                $"{change}, and the first ones have changed: in the rest of this epoch some images may be repeated and others missing");
        }

        TrainingOrder order = OrderOf(begun, last);
        long next = last.Position + (ExtendedOrder.EpochsBetween(order, last.Position, position) * order.EpochLength);
        return new DataContinuation(
            next == 0 ? [whole] : [.. begun, whole with { Position = next }],
            string.Create(
                CultureInfo.InvariantCulture, $"{change}; the added images are used from the next epoch on, after {next} images seen"),
            null);
    }

    /// <summary>Applies a continuation.</summary>
    public void Use(DataContinuation continuation) => extents = continuation.Extents;

    // An extension that has not taken effect yet may have changed in the meantime.
    private static DataExtent[] Begun(IReadOnlyList<DataExtent> saved, long position) =>
        [.. saved.TakeWhile(extent => extent.Position == 0 || extent.Position < position)];

    // If images are held out, they must keep their positions; otherwise held-out images would be used for training.
    private DataContinuation Others(IReadOnlyList<DataExtent> extents, string change) => new(
        extents, change, heldOutFraction == 0
            ? null
            : $"{change}; held-out images would be used for training. Use the original images, with new images appended")
    {
        HasReplacedImages = true,
    };

    private string? TooSmall(DataExtent extent)
    {
        long images = SplitOf([extent], extent.Count).TrainingCount;
        return loading.DropLast && batchSize > images
            ? $"BatchSize is {batchSize}, but an epoch of the run had {images} images, so DropLast would drop all of them"
            : null;
    }

    private HeldOutSplit SplitOf(IReadOnlyList<DataExtent> extents, long count) =>
        new HeldOutSplit(extents[0].Count, heldOutFraction, seeds).ExtendTo(count);

    private TrainingOrder OrderOf(IReadOnlyList<DataExtent> extents, DataExtent extent) =>
        new TrainingOrder([.. DataFingerprint.Groups(source, extent.Count)], SplitOf(extents, extent.Count), seeds, loading, batchSize);
}
