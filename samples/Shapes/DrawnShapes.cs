using Diffusion;
using Diffusion.Data;

namespace Samples;

/// <summary>
/// A small image set that needs no download: colored shapes on a light, plain background, in ten alternating classes. Each image is drawn
/// when it is read, as a pure function of the seed and the index, with the same bytes on every system.
/// </summary>
public sealed class DrawnShapes : IImageSource
{
    private const double MaxOffset = 0.07;
    private const double MinRadius = 0.31;
    private const double MaxRadius = 0.40;
    private const double MaxTurn = 0.16; // tan of half of 18 degrees

    private static readonly RgbColor[] Paints =
    [
        new(232, 62, 62), new(245, 128, 32), new(250, 188, 20), new(70, 172, 84), new(20, 160, 168), new(48, 116, 222), new(126, 76, 196),
            new(230, 80, 150),
    ];

    private static readonly RgbColor[] Papers =
    [
        new(255, 248, 232), new(234, 246, 255), new(238, 250, 238), new(250, 240, 250), new(244, 244, 248), new(255, 238, 232),
    ];

    private readonly SeedStream seeds;
    private readonly int size;

    private DrawnShapes(int count, int size, long seed)
    {
        seeds = new SeedStream(seed);
        this.size = size;
        Count = count;
        Shape = ImageShape.Square(size);
    }

    /// <summary>The names of the ten classes, indexed by label.</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
        ["circle", "square", "triangle", "star", "ring", "cross", "heart", "crescent", "diamond", "hexagon"];

    /// <inheritdoc/>
    public long Count { get; }

    /// <inheritdoc/>
    public ImageShape Shape { get; }

    /// <inheritdoc/>
    public PixelEncoding Encoding => PixelEncoding.UInt8;

    /// <inheritdoc/>
    public int? ClassCount => ClassNames.Count;

    /// <inheritdoc/>
    public string Description => $"{Count} drawn shapes {Shape}, {ClassCount} classes";

    /// <summary>Creates a set of drawings.</summary>
    /// <param name="count">The number of images; image i has the label i modulo 10.</param>
    /// <param name="size">Height and width in pixels, at least 8. Default 32.</param>
    /// <param name="seed">The seed of the drawings. Default 0.</param>
    /// <returns>The source of RGB images; the caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1, or the size below 8 or above 4096.</exception>
    public static DrawnShapes Create(int count, int size = 32, long seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 8);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, 4096);
        return new DrawnShapes(count, size, seed);
    }

    /// <inheritdoc/>
    public long LabelOf(long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return index % ClassNames.Count;
    }

    /// <inheritdoc cref="Description"/>
    public override string ToString() => Description;

    /// <inheritdoc/>
    public void Read(long index, Span<byte> destination, SeedStream? draws = null, CancellationToken cancellationToken = default)
    {
        int label = (int)LabelOf(index);
        if (destination.Length != Shape.Elements)
        {
            throw new ArgumentException(
                $"The destination has {destination.Length} bytes, but an image has {Shape.Elements}. Pass a span of that length.",
                nameof(destination));
        }

        SeedStream drawing = seeds.Child(RandomPurpose.Drawing, index);
        double Draw(int which, double low, double high) => low + ((high - low) * drawing.Uniform(RandomPurpose.Drawing, which));

        RgbColor paint = Paints[(int)Draw(0, 0, Paints.Length)];
        RgbColor paper = Papers[(int)Draw(1, 0, Papers.Length)];
        double centerX = size * Draw(2, 0.5 - MaxOffset, 0.5 + MaxOffset);
        double centerY = size * Draw(3, 0.5 - MaxOffset, 0.5 + MaxOffset);
        double radius = size * Draw(4, MinRadius, MaxRadius);

        // Cosine and sine from the tangent of half the angle, which gives the same bits everywhere, unlike the functions of a math library.
        double tangent = Draw(5, -MaxTurn, MaxTurn);
        double cosine = (1 - (tangent * tangent)) / (1 + (tangent * tangent)) / radius;
        double sine = 2 * tangent / (1 + (tangent * tangent)) / radius;

        int at = 0;
        for (int row = 0; row < size; row++)
        {
            double y = row + 0.5 - centerY;
            for (int column = 0; column < size; column++)
            {
                double x = column + 0.5 - centerX;
                double distance = ShapeOutline.Distance(label, (cosine * x) + (sine * y), (cosine * y) - (sine * x));
                double covered = Math.Clamp(0.5 - (distance * radius), 0, 1);
                destination[at++] = Mix(paper.Red, paint.Red, covered);
                destination[at++] = Mix(paper.Green, paint.Green, covered);
                destination[at++] = Mix(paper.Blue, paint.Blue, covered);
            }
        }
    }

    /// <summary>Does nothing.</summary>
    public void Dispose()
    {
    }

    private static byte Mix(byte paper, byte paint, double covered) => (byte)(paper + ((paint - paper) * covered) + 0.5);
}
