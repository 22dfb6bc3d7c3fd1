using System.Runtime.InteropServices;

namespace Diffusion.Training;

/// <summary>
/// Mirrors half of the readings of a source left to right, drawn anew each time that an image is trained on: twice as much to learn from, for
/// pictures whose mirror image is as likely. Not for digits, letters, or anything else that has a left and a right.
/// Images that are only measured stay as they are.
/// </summary>
/// <remarks>
/// It goes outside of <see cref="InMemoryImages"/>, <c>new RandomFlip(InMemoryImages.Load(source))</c>: loaded into memory, it would never
/// mirror.
/// </remarks>
public sealed class RandomFlip : IImageSource
{
    private readonly IImageSource source;

    /// <summary>Mirrors the images of a source.</summary>
    /// <param name="source">Any source; disposed with this one.</param>
    public RandomFlip(IImageSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        this.source = source;
    }

    /// <inheritdoc/>
    public long Count => source.Count;

    /// <inheritdoc/>
    public ImageShape Shape => source.Shape;

    /// <inheritdoc/>
    public PixelEncoding Encoding => source.Encoding;

    /// <inheritdoc/>
    public ImageSourceReport Report => source.Report;

    /// <inheritdoc/>
    public int? ClassCount => source.ClassCount;

    /// <inheritdoc/>
    public string Description => $"{source.Description}, flipped at random";

    /// <inheritdoc/>
    public bool IsInMemory => source.IsInMemory;

    /// <inheritdoc/>
    public IReadOnlyList<long>? GroupSizes => source.GroupSizes;

    /// <inheritdoc/>
    public long LabelOf(long index) => source.LabelOf(index);

    /// <inheritdoc/>
    public string NameOf(long index) => source.NameOf(index);

    /// <summary>The description, and what was left out.</summary>
    /// <returns>One line, and one more for each reason for which something was left out.</returns>
    public override string ToString() => Report.ToString(Description);

    /// <inheritdoc/>
    public void Announce(ReadOnlySpan<long> indices, CancellationToken cancellationToken = default) => source.Announce(indices, cancellationToken);

    /// <inheritdoc/>
    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        source.Read(index, destination, draws, cancellationToken);
        if (draws?.Child(RandomPurpose.Augmentation, -1).Uniform(RandomPurpose.Augmentation, 0) is null or < 0.5)
        {
            return;
        }

        if (Encoding == PixelEncoding.Float32)
        {
            ReverseRows(MemoryMarshal.Cast<byte, float>(destination), Shape.Width); // [C, H, W]
        }
        else if (Shape.Channels == 1)
        {
            ReverseRows(destination, Shape.Width); // [H, W, 1]
        }
        else
        {
            ReverseRows(MemoryMarshal.Cast<byte, RgbColor>(destination), Shape.Width); // [H, W, 3]
        }
    }

    /// <summary>Frees the source.</summary>
    public void Dispose() => source.Dispose();

    private static void ReverseRows<T>(Span<T> pixels, int width)
    {
        for (int row = 0; row < pixels.Length; row += width)
        {
            pixels.Slice(row, width).Reverse();
        }
    }
}
