namespace Diffusion.Training;

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

    /// <summary>How many classes the labels tell apart; null when there are no labels.</summary>
    int? ClassCount { get; }

    /// <summary>One line about the set, for logs and errors.</summary>
    string Description { get; }

    /// <summary>The label of an image, 0 to <see cref="ClassCount"/> - 1. Safe from several threads.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="InvalidOperationException">The source has no labels.</exception>
    long LabelOf(long index);

    /// <summary>
    /// Reads the pixels of one image. Safe from several threads. It may be called inside a dispose scope: a tensor that it keeps must be
    /// detached from it.
    /// </summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="destination">
    /// Filled whole; exactly <c>Shape.Elements</c> bytes for <see cref="PixelEncoding.UInt8"/>, four times as many for <see cref="PixelEncoding.Float32"/>.
    /// </param>
    void Read(long index, Span<byte> destination);
}
