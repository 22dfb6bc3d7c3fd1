using System.Globalization;

namespace Diffusion.Training;

/// <summary>The images of a run: which are held out, and which stands at each position, also after the set was extended.</summary>
internal sealed class TrainingData
{
    private readonly IImageSource source;
    private readonly TrainingOptions options;
    private readonly SeedStream seeds;
    private readonly DataExtent whole;

    public TrainingData(IImageSource source, TrainingOptions options, SeedStream seeds)
    {
        this.source = source;
        this.options = options;
        this.seeds = seeds;
        if (source.GroupSizes is { } groups && groups.Sum() != source.Count)
        {
            throw new ArgumentException($"The groups of the source hold {groups.Sum()} images, but its Count is {source.Count}. GroupSizes must add up to it.");
        }

        whole = new DataExtent(0, source.Count, DataFingerprint.Of(source, source.Count));
        Extents = [whole];
    }

    /// <summary>How many images the run has had from when on.</summary>
    public IReadOnlyList<DataExtent> Extents { get; private set; }

    /// <summary>Which images are held out: of the first extent, so that losses before and after an extension can be compared.</summary>
    public HeldOutSplit Split => SplitOf(Extents, source.Count);

    /// <summary>Which image each position of the run reads.</summary>
    public ISampleOrder Order() => new GrowingOrder([.. Extents.Select(extent => (extent.Position, OrderOf(Extents, extent)))]);

    /// <summary>Goes on as a run did: the images that it had stay where they were until its epoch ends, and those added to them come in after that.</summary>
    /// <param name="saved">The extents of the run.</param>
    /// <param name="position">Where it goes on.</param>
    /// <returns>What is different, in words, or null.</returns>
    public string? GoOn(IReadOnlyList<DataExtent> saved, long position)
    {
        DataExtent[] begun = Begun(saved, position);
        DataExtent last = begun[^1];
        if (source.Count == last.Count)
        {
            Extents = [.. begun[..^1], last with { Fingerprint = whole.Fingerprint }];
            return last.Fingerprint == whole.Fingerprint ? null : $"the {whole.Count} images, or how they are prepared, are not as they were";
        }

        string change = string.Create(CultureInfo.InvariantCulture, $"number of images was {last.Count} and is {source.Count}");
        if (!IsExtensionOf(last))
        {
            Extents = [whole];
            return $"{change}, of which the first are others: from here on some images of this epoch may come twice and others not at all";
        }

        TrainingOrder order = OrderOf(begun, last);
        long next = last.Position + (GrowingOrder.EpochsBetween(order, last.Position, position) * order.EpochLength);
        Extents = next == 0 ? [whole] : [.. begun, whole with { Position = next }];
        return string.Create(CultureInfo.InvariantCulture, $"{change}; those added come in with the next epoch, after {next} images seen");
    }

    /// <summary>Why a run cannot go on with these images, or null: held-out images would be trained on, or the other way round.</summary>
    public string? Refusal(IReadOnlyList<DataExtent> saved, long position)
    {
        DataExtent last = Begun(saved, position)[^1];
        return options.HoldOutFraction == 0 || source.Count == last.Count || IsExtensionOf(last)
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"number of images, of which some are held out, was {last.Count} and is {source.Count}, and those of before are not the first of them: held-out images would be trained on");
    }

    // An extension that had not come in yet may have become another meanwhile.
    private static DataExtent[] Begun(IReadOnlyList<DataExtent> saved, long position) =>
        [.. saved.TakeWhile(extent => extent.Position == 0 || extent.Position < position)];

    private bool IsExtensionOf(DataExtent last) =>
        source.Count > last.Count && DataFingerprint.Of(source, last.Count) == last.Fingerprint;

    private HeldOutSplit SplitOf(IReadOnlyList<DataExtent> extents, long count) =>
        new HeldOutSplit(extents[0].Count, options.HoldOutFraction, seeds).GrownTo(count);

    private TrainingOrder OrderOf(IReadOnlyList<DataExtent> extents, DataExtent extent) =>
        new TrainingOrder([.. DataFingerprint.Groups(source, extent.Count)], SplitOf(extents, extent.Count), seeds, options.Loading, options.BatchSize);
}
