using System.Buffers;

namespace Diffusion.Data;

/// <summary>
/// A store of image files (JPEG, PNG, WebP, GIF, BMP): a folder, an archive, a table, a database.
/// <see cref="ImageSourceExtensions.Prepare"/> turns it into a source of images to train on.
/// </summary>
public interface IEncodedImages : IDisposable
{
    /// <summary>The number of images, at least 1.</summary>
    long Count { get; }

    /// <summary>The number of classes; null without labels.</summary>
    int? ClassCount { get; }

    /// <summary>A short description for logs and errors: <c>2062 images from photos</c>.</summary>
    string Description { get; }

    /// <summary>Which files were used and which were skipped. Default: all files were used.</summary>
    ImageSourceReport Report => new(Count, []);

    /// <summary>
    /// The sizes of the groups of adjacent images that are read fastest one after the other, in order. Default null: every order is equally
    /// fast.
    /// </summary>
    IReadOnlyList<long>? GroupSizes => null;

    /// <summary>The label of an image, 0 to <see cref="ClassCount"/> - 1. Must be thread-safe.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="InvalidOperationException">There are no labels.</exception>
    /// <exception cref="ImageDataException">The label is invalid.</exception>
    /// <exception cref="IOException">The label cannot be read.</exception>
    long LabelOf(long index);

    /// <summary>The name of an image in errors: its path, or its shard, key and offset.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    string NameOf(long index);

    /// <summary>
    /// Announces which images will be read soon, in order, so that a remote store can fetch them. Does nothing by default. Must be
    /// thread-safe, and must not throw because of an image.
    /// </summary>
    /// <param name="indices">Indices from 0 to <see cref="Count"/> - 1.</param>
    /// <param name="cancellationToken">Cancels a wait.</param>
    void Announce(ReadOnlySpan<long> indices, CancellationToken cancellationToken)
    {
    }

    /// <summary>Reads a complete image file. Must be thread-safe.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="destination">Receives the bytes of the file.</param>
    /// <param name="cancellationToken">Cancels a wait for the file, for example for a server.</param>
    /// <exception cref="ImageDataException">The file is damaged, or too large for this store.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The operation was canceled.</exception>
    void Read(long index, IBufferWriter<byte> destination, CancellationToken cancellationToken);
}
