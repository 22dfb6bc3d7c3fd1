using System.Buffers;

namespace Diffusion.Data;

/// <summary>
/// A set of image files (JPEG, PNG, WebP, GIF, BMP), wherever they lie: in a folder, in shards, in a table, in an application's own store.
/// <see cref="EncodedImageSource"/> turns it into images to train on.
/// </summary>
public interface IEncodedImages : IDisposable
{
    /// <summary>How many images there are, at least 1.</summary>
    long Count { get; }

    /// <summary>How many classes the labels tell apart; null when there are no labels.</summary>
    int? ClassCount { get; }

    /// <summary>How many images there are and where, in a few words, for logs and errors: <c>2062 images from photos</c>.</summary>
    string Description { get; }

    /// <summary>What was taken and what was left out when the files were looked for. Default: everything was taken.</summary>
    ImageSourceReport Report => new(Count, []);

    /// <summary>
    /// The sizes of groups of neighbours that are read fastest one after the other, in order; null when any order is as fast.
    /// </summary>
    IReadOnlyList<long>? GroupSizes => null;

    /// <summary>The label of an image, 0 to <see cref="ClassCount"/> - 1. Safe from several threads.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="InvalidOperationException">There are no labels.</exception>
    /// <exception cref="ImageDataException">The label is damaged.</exception>
    /// <exception cref="IOException">The label cannot be read.</exception>
    long LabelOf(long index);

    /// <summary>What an error calls an image: its path, or its shard, key and offset.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    string NameOf(long index);

    /// <summary>
    /// Says which images will be read soon, in which order, so that a store on a server can fetch them. Default: nothing. Safe from several
    /// threads; never an error of the images.
    /// </summary>
    /// <param name="indices">0 to <see cref="Count"/> - 1 each.</param>
    /// <param name="cancellationToken">Ends a wait.</param>
    void Announce(ReadOnlySpan<long> indices, CancellationToken cancellationToken)
    {
    }

    /// <summary>Reads an image file whole. Safe from several threads.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="destination">Takes the bytes of the file.</param>
    /// <param name="cancellationToken">Ends a wait for the file, for instance for a server.</param>
    /// <exception cref="ImageDataException">The file is damaged, or larger than this store allows.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    void Read(long index, IBufferWriter<byte> destination, CancellationToken cancellationToken);
}
