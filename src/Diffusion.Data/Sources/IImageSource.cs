namespace Diffusion.Data;

/// <summary>
/// A set of images of equal size that can be read in any order. Its count, labels and pixels must not change while it is in use.
/// </summary>
public interface IImageSource : IDisposable
{
    /// <summary>The number of images, at least 1.</summary>
    long Count { get; }

    /// <summary>The shape of every image.</summary>
    ImageShape Shape { get; }

    /// <summary>The encoding of the pixels that <see cref="Read"/> returns.</summary>
    PixelEncoding Encoding { get; }

    /// <summary>
    /// Whether float images without any value below 0 are rejected, because they are probably in 0..1 instead of [-1, 1]. Default true.
    /// False for images without pixels darker than mid-gray, such as masks of 0 and 1.
    /// </summary>
    bool RefusesUnitRange => true;

    /// <summary>The number of classes; null without labels.</summary>
    int? ClassCount { get; }

    /// <summary>The names of the classes, by label. Default: empty, if classes have no names.</summary>
    IReadOnlyList<string> ClassNames => [];

    /// <summary>A one-line description for logs and errors.</summary>
    string Description { get; }

    /// <summary>Which images were used and which files were skipped when the source was opened. Default: all images were used.</summary>
    ImageSourceReport Report => new(Count, []);

    /// <summary>Whether reading only copies memory, so that prefetching gains nothing. Default true.</summary>
    bool IsInMemory => true;

    /// <summary>
    /// The transforms that apply to each image when it is read, in order; a source that wraps another lists the transforms of that source
    /// first. Default none.
    /// </summary>
    IReadOnlyList<ImageTransform> Transforms => [];

    /// <summary>
    /// The sizes of the groups of adjacent images that are read fastest one after the other, in order: shards, row groups. Default null:
    /// every order is equally fast.
    /// </summary>
    IReadOnlyList<long>? GroupSizes => null;

    /// <summary>The label of an image, 0 to <see cref="ClassCount"/> - 1. Must be thread-safe.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="InvalidOperationException">The source has no labels.</exception>
    /// <exception cref="ImageDataException">The label cannot be read. Training treats its image as a bad image.</exception>
    long LabelOf(long index);

    /// <summary>
    /// Announces which images will be read soon, in order, so that a remote source can fetch them. Does nothing by default; a source that
    /// wraps another should forward it. Must be thread-safe, and must not throw because of an image.
    /// </summary>
    /// <param name="indices">Indices from 0 to <see cref="Count"/> - 1.</param>
    /// <param name="cancellationToken">Cancels a wait.</param>
    void Announce(ReadOnlySpan<long> indices, CancellationToken cancellationToken = default)
    {
    }

    /// <summary>
    /// Reads the pixels of one image. Must be thread-safe. The caller may be inside a dispose scope, so tensors to keep must be detached
    /// from it.
    /// </summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="destination">
    /// Filled completely; exactly <c>Shape.Elements</c> bytes for <see cref="PixelEncoding.UInt8"/>, four times as many for
    /// <see cref="PixelEncoding.Float32"/>.
    /// </param>
    /// <param name="draws">
    /// The random stream for random transforms (purpose <see cref="RandomPurpose.Augmentation"/>), a different one for each image and
    /// epoch. Default null: no random transforms.
    /// </param>
    /// <param name="cancellationToken">
    /// Cancels a wait for the image, for example for a server; sources that never wait may ignore it.
    /// </param>
    /// <exception cref="ImageDataException">
    /// The image cannot be read: training handles it by <see cref="LoadingOptions.BadImages"/>. Any other exception ends the run.
    /// </exception>
    /// <exception cref="OperationCanceledException">The operation was canceled.</exception>
    void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default);

    /// <summary>The name of an image in errors.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    string NameOf(long index) => $"image {index} of {Description}";
}
