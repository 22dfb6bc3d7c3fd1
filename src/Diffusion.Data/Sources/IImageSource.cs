namespace Diffusion.Data;

/// <summary>
/// A set of images of one size that can be read in any order. Its size, labels and pixels do not change while it is used.
/// </summary>
public interface IImageSource : IDisposable
{
    /// <summary>How many images there are, at least 1.</summary>
    long Count { get; }

    /// <summary>The shape of every image.</summary>
    ImageShape Shape { get; }

    /// <summary>How <see cref="Read"/> gives pixels.</summary>
    PixelEncoding Encoding { get; }

    /// <summary>
    /// Whether float images of which no value lies below 0 are refused, as 0..1 passed as they are. Default true. False for images that
    /// truly have no pixel darker than middle grey, such as masks of 0 and 1.
    /// </summary>
    bool RefusesUnitRange => true;

    /// <summary>How many classes the labels tell apart; null when there are no labels.</summary>
    int? ClassCount { get; }

    /// <summary>One line about the set, for logs and errors.</summary>
    string Description { get; }

    /// <summary>What the source took and what it left out when it was opened. Default: everything was taken.</summary>
    ImageSourceReport Report => new(Count, []);

    /// <summary>Whether reading is no more than a copy of memory, so that threads which read ahead gain nothing. Default true.</summary>
    bool IsInMemory => true;

    /// <summary>
    /// What is done to each image as it is read, in order; a source that reads from another gives that one's first. Default nothing.
    /// </summary>
    IReadOnlyList<ImageTransform> Transforms => [];

    /// <summary>
    /// The sizes of groups of neighbours that are read fastest one after the other, in order: shards, row groups. Null, the default, when
    /// any order is as fast.
    /// </summary>
    IReadOnlyList<long>? GroupSizes => null;

    /// <summary>The label of an image, 0 to <see cref="ClassCount"/> - 1. Safe from several threads.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="InvalidOperationException">The source has no labels.</exception>
    /// <exception cref="ImageDataException">
    /// This label cannot be read: in training its image is replaced or skipped, as one that cannot be read.
    /// </exception>
    long LabelOf(long index);

    /// <summary>
    /// Says which images will be read soon, in which order, so that a source on a server can fetch them. Default: nothing; a source that
    /// wraps another passes it on. Safe from several threads; never an error of the images.
    /// </summary>
    /// <param name="indices">0 to <see cref="Count"/> - 1 each.</param>
    /// <param name="cancellationToken">Ends a wait.</param>
    void Announce(ReadOnlySpan<long> indices, CancellationToken cancellationToken = default)
    {
    }

    /// <summary>
    /// Reads the pixels of one image. Safe from several threads. It may be called inside a dispose scope: a tensor that it keeps must be
    /// detached from it.
    /// </summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="destination">
    /// Filled whole; exactly <c>Shape.Elements</c> bytes for <see cref="PixelEncoding.UInt8"/>, four times as many for
    /// <see cref="PixelEncoding.Float32"/>.
    /// </param>
    /// <param name="draws">
    /// For an image as it is trained on, with random crops and flips where the source has them: what to draw from (purpose
    /// <see cref="RandomPurpose.Augmentation"/>), one stream for each image and epoch. Null, the default, for the image as it is.
    /// </param>
    /// <param name="cancellationToken">
    /// Ends a wait for the image, for instance for a server; sources that never wait need not heed it.
    /// </param>
    /// <exception cref="ImageDataException">
    /// This image cannot be read: training replaces or skips it, as <see cref="LoadingOptions.BadImages"/> says. Any other exception ends
    /// the run.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default);

    /// <summary>What an error calls an image.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    string NameOf(long index) => $"image {index} of {Description}";
}
